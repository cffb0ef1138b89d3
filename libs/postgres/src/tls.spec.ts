import { tlsOf } from './tls.js';

const url = (mode?: string): string => `postgres://me:secret@db.example.com:5432/yunke_orders${mode ? `?sslmode=${mode}` : ''}`;

describe('the encryption of a database connection', () => {
  it('is what the URL asks for', () => {
    expect(tlsOf(url())).toBe(false);
    expect(tlsOf(url('disable'))).toBe(false);
    expect(tlsOf(url('require'))).toEqual({ rejectUnauthorized: false });
    expect(tlsOf(url('verify-full'))).toEqual({ rejectUnauthorized: true });
  });

  it('checks the server fully once a CA is given', () => {
    expect(tlsOf(url(), 'PEM')).toEqual({ ca: 'PEM', rejectUnauthorized: true });
    expect(tlsOf(url('verify-ca'), 'PEM')).toEqual({ ca: 'PEM', rejectUnauthorized: true, checkServerIdentity: expect.any(Function) });
  });

  it('refuses what may end in plain text without a word, and a CA that would not be used', () => {
    for (const mode of ['prefer', 'allow', 'perhaps']) expect(() => tlsOf(url(mode))).toThrow('sslmode must be');
    for (const mode of ['disable', 'require']) expect(() => tlsOf(url(mode), 'PEM')).toThrow('would leave the CA unused');
  });
});
