import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file with every odd case of Online Retail, and those that its rules allow for. Its lines count from 1 after the header. */
export const ODD_CASES = [
  'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
  // 1–3: an invoice with another's line between its own, and a minute later
  '536365,85123A,HEART T-LIGHT,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom',
  '536366,22632,"HAND WARMER, RED",2,2010-12-01 08:26:00,1.85,13047.0,United Kingdom',
  '536365,71053,LANTERN,1,2010-12-01 08:27:00,3.39,17850.0,United Kingdom',
  // 4: a cancellation; 5: nobody's, for nothing, without a description; 6: stock written off
  'C536379,D,Discount,-1,2010-12-01 09:41:00,27.50,17850.0,United Kingdom',
  '536414,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom',
  '536589,21777,,-10,2010-12-01 16:50:00,0.0,,United Kingdom',
  // 7–8: sold, and written off, on one invoice
  '537000,POST,POSTAGE,1,2010-12-03 10:00:00,18.0,13047.0,France',
  '537000,22139,damaged,-5,2010-12-03 10:01:00,0.0,,France',
  // 9: a tenth of a penny, in summer time; 10–11: halves of a penny, to the even one; 12: a charge, with a space in its code
  '550193,PADS,PADS TO MATCH,1,2011-04-15 09:27:00,0.001,13952.0,United Kingdom',
  '550200,22001,HALF DOWN,1,2011-04-15 10:00:00,0.125,13952.0,United Kingdom',
  '550200,22002,HALF UP,1,2011-04-15 10:00:00,0.135,13952.0,United Kingdom',
  '550200,BANK CHARGES,Bank Charges,1,2011-04-15 10:00:00,15.0,13952.0,United Kingdom',
  // 13–14: the ledger
  'A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom',
  'A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom',
  // 15–16: a line without a customer before one with
  '570000,22139,TEA SET,2,2011-10-07 09:00:00,4.25,,United Kingdom',
  '570000,22140,TEA POT,1,2011-10-07 09:00:00,8.5,15618.0,United Kingdom',
  // 17–20: a cancellation with halves, a line for nothing and a positive one, by somebody who never ordered; 21: by nobody
  'C570001,22001,HALF DOWN,-1,2011-10-31 09:00:00,0.025,12346.0,United Kingdom',
  'C570001,22002,HALF UP,-1,2011-10-31 09:00:00,0.035,12346.0,United Kingdom',
  'C570001,22003,FREE,-3,2011-10-31 09:00:00,0.0,12346.0,United Kingdom',
  'C570001,22004,BACK AGAIN,2,2011-10-31 09:00:00,1.5,12346.0,United Kingdom',
  'C570002,AMAZONFEE,AMAZON FEE,-1,2011-10-31 09:01:00,100.1,,United Kingdom',
  '',
].join('\n');

/** The text as a gzipped file in a folder. */
export function gzipped(text: string, folder: string): string {
  const file = join(folder, `${crypto.randomUUID()}.csv.gz`);
  writeFileSync(file, gzipSync(text));
  return file;
}
