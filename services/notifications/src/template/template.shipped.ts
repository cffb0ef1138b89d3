import type { Contents, Language } from './template.js';

export type ShippedTemplate = { readonly name: string; readonly facts: readonly string[]; readonly languages: { readonly [language in Language]: Contents } };

type Words = { readonly subject: string; readonly lines: readonly string[] };

const HELLO: Record<Language, string> = { 'zh-CN': '{% if person.name != "" %}{{ person.name }}，{% endif %}您好！', en: 'Hello{% if person.name != "" %} {{ person.name }}{% endif %},' };

/** A message of a few paragraphs under a greeting, the same as MJML and as text. */
function letter({ subject, lines }: Words, greeting: string | undefined): Contents {
  const paragraphs = [...(greeting === undefined ? [] : [greeting]), ...lines];
  const body = paragraphs.map((line) => `<mj-text font-size="15px" line-height="24px">${line}</mj-text>`).join('\n        ');
  return {
    subject, text: `${paragraphs.join('\n\n')}\n\n{{ shop }}\n`,
    mjml: `<mjml>
  <mj-head><mj-preview>${subject}</mj-preview><mj-attributes><mj-all font-family="Helvetica, Arial, 'PingFang SC', 'Microsoft YaHei', sans-serif" color="#1f2933" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f5f7">
    <mj-section background-color="#ffffff">
      <mj-column>
        ${body}
        <mj-divider border-width="1px" border-color="#e4e7eb" />
        <mj-text font-size="13px" color="#7b8794">{{ shop }}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>`,
  };
}

function both(name: string, facts: readonly string[], words: Record<Language, Words>, to: 'customer' | 'staff' = 'customer'): ShippedTemplate {
  const of = (language: Language): Contents => letter(words[language], to === 'customer' ? HELLO[language] : undefined);
  return { name, facts, languages: { 'zh-CN': of('zh-CN'), en: of('en') } };
}

const TOTAL = '{{ order.totalMinor | money: order.currency }}';

/** The templates that ship. One whose facts this version does not know yet is left out by whoever saves them. */
export const SHIPPED_TEMPLATES: readonly ShippedTemplate[] = [
  both('order-placed', ['OrderPlaced'], {
    'zh-CN': { subject: '订单 {{ orderId }} 已提交', lines: [`我们已收到您的订单 {{ orderId }}，金额 ${TOTAL}。`, '发货后我们会通知您。'] },
    en: { subject: 'Your order {{ orderId }}', lines: [`We have your order {{ orderId }} over ${TOTAL}.`, 'We will write again when it ships.'] },
  }),
  both('order-shipped', ['OrderShipped'], {
    'zh-CN': { subject: '订单 {{ orderId }} 已发货', lines: ['您的订单 {{ orderId }} 已于 {{ effectiveAt | datetime }} 发货。'] },
    en: { subject: 'Your order {{ orderId }} has shipped', lines: ['Your order {{ orderId }} left us on {{ effectiveAt | datetime }}.'] },
  }),
  both('order-delivered', ['OrderDelivered'], {
    'zh-CN': { subject: '订单 {{ orderId }} 已送达', lines: ['您的订单 {{ orderId }} 已于 {{ effectiveAt | datetime }} 送达。'] },
    en: { subject: 'Your order {{ orderId }} was delivered', lines: ['Your order {{ orderId }} was delivered on {{ effectiveAt | datetime }}.'] },
  }),
  both('order-late', ['OrderLate'], {
    'zh-CN': { subject: '订单 {{ orderId }} 将会延迟', lines: ['很抱歉，您的订单 {{ orderId }} 将晚于承诺时间送达。我们正在处理。'] },
    en: { subject: 'Your order {{ orderId }} is late', lines: ['We are sorry: your order {{ orderId }} will arrive later than we promised. We are working on it.'] },
  }),
  both('order-refunded', ['OrderRefunded'], {
    'zh-CN': { subject: '订单 {{ orderId }} 已退款', lines: ['订单 {{ orderId }} 已累计退款 {{ order.refundedMinor | money: order.currency }}。'] },
    en: { subject: 'A refund for your order {{ orderId }}', lines: ['So far {{ order.refundedMinor | money: order.currency }} of your order {{ orderId }} went back to you.'] },
  }),
  both('segment-entered', ['SegmentEntered'], {
    'zh-CN': { subject: '感谢您的支持', lines: ['您现在是 {{ shop }} 的贵宾客户，感谢您的支持！'] },
    en: { subject: 'Thank you', lines: ['You are now among the best customers of {{ shop }}. Thank you!'] },
  }),
  both('segment-left', ['SegmentLeft'], {
    'zh-CN': { subject: '好久不见', lines: ['好久不见，{{ shop }} 想念您。'] },
    en: { subject: 'We miss you', lines: ['It has been a while. {{ shop }} would be glad to see you again.'] },
  }),
  both('stock-alert', ['StockAlertOpened'], {
    'zh-CN': { subject: '库存预警：{{ sku }}（{{ kind }}）', lines: ['商品 {{ sku }}，仓库 {{ warehouse }}：{{ kind }}。', '可用 {{ available }}，阈值 {{ threshold }}。'] },
    en: { subject: 'Stock alert: {{ sku }} ({{ kind }})', lines: ['{{ sku }} at {{ warehouse }}: {{ kind }}.', 'Available {{ available }}, threshold {{ threshold }}.'] },
  }, 'staff'),
];
