import { compile, render, withWayOut, type Contents } from './template.js';

const contents = (say: Partial<Contents> = {}): Contents => ({
  subject: 'Order {{ orderId }}', text: '{{ person.name }}: {{ order.totalMinor | money: order.currency }}',
  mjml: '<mjml><mj-body><mj-section><mj-column><mj-text>{{ person.name }}</mj-text></mj-column></mj-section></mj-body></mjml>', ...say,
});
const around = { person: { name: 'Ada <b>' }, shop: 'Tea', links: { unsubscribe: '' } };
const fact = { orderId: 'shop:1', effectiveAt: '2026-03-01T01:30:00.000Z', order: { totalMinor: '12800', currency: 'CNY', refunds: [{ returnId: 'R1' }, { returnId: 'R2' }] } };
const faultsOf = (languages: Parameters<typeof compile>[0], facts = ['OrderPlaced']) => compile(languages, facts).then(() => [], ({ code, details }) => details.errors.map((fault: { pointer: string; code: string }) => [code, fault.pointer, fault.code]));

describe('a template', () => {
  it('says money and times in the reader\'s language and zone, and escapes what goes into HTML only', async () => {
    const { en, 'zh-CN': zh } = await compile({ en: contents({ subject: '{{ effectiveAt | datetime }}' }), 'zh-CN': contents() }, ['OrderPlaced']);

    const english = await render(en!, fact, around, { language: 'en', zone: 'Asia/Shanghai' });
    const chinese = await render(zh!, fact, around, { language: 'zh-CN', zone: 'Asia/Shanghai' });

    expect(english).toMatchObject({ subject: 'Mar 1, 2026, 9:30 AM', text: 'Ada <b>: CN¥128.00' });
    expect(chinese).toMatchObject({ subject: 'Order shop:1', text: 'Ada <b>: ¥128.00' });
    expect(english.html).toContain('Ada &lt;b&gt;');
    expect(english.html).not.toContain('<b>');
  });

  it('may name what every one of its facts has, and nothing else', async () => {
    expect(await faultsOf({ en: contents({ text: '{{ order.totl }} {{ nobody }}' }) })).toEqual([['template.invalid', '/languages/en/text', 'variable_unknown'], ['template.invalid', '/languages/en/text', 'variable_unknown']]);
    expect(await faultsOf({ en: contents() }, ['OrderPlaced', 'SegmentEntered'])).toContainEqual(['template.invalid', '/languages/en/subject', 'variable_unknown']);
    expect(await faultsOf({ en: contents({ text: '{% for refund in order.refunds %}{{ refund.returnId }}{{ order.refunds.size }}{% endfor %}{% assign a = orderId %}{{ a }}' }) })).toEqual([]);
  });

  it('is refused when its Liquid or its MJML is broken, or asks for files', async () => {
    expect(await faultsOf({ en: contents({ text: '{{ orderId' }) })).toEqual([['template.invalid', '/languages/en/text', 'liquid_invalid']]);
    expect(await faultsOf({ en: contents({ text: '{{ orderId | shout }}' }) })).toEqual([['template.invalid', '/languages/en/text', 'liquid_invalid']]);
    expect(await faultsOf({ en: contents({ mjml: '<mjml><mj-body><mj-nothing /></mj-body></mjml>' }) })).toEqual([['template.invalid', '/languages/en/mjml', 'mjml_invalid']]);
    expect(await faultsOf({ en: contents({ mjml: 'Hello' }) })).toEqual([['template.invalid', '/languages/en/mjml', 'mjml_invalid']]);
    const sneaky = await compile({ en: contents({ mjml: '<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>' }) }, ['OrderPlaced']).catch(() => undefined);
    expect(JSON.stringify(sneaky ?? '')).not.toContain('root:');
    expect(await faultsOf({ en: contents({ text: '{% include "/etc/passwd" %}' }) })).toEqual([['template.invalid', '/languages/en/text', 'liquid_invalid']]);
  });

  it('cannot run for ever', async () => {
    const { en } = await compile({ en: contents({ text: '{% for a in (1..100000) %}{% for b in (1..100000) %}{{ b }}{% endfor %}{% endfor %}' }) }, ['OrderPlaced']);

    await expect(render(en!, fact, around, { language: 'en', zone: 'UTC' })).rejects.toMatchObject({ code: 'template.failed' });
  });

  it('shows the way out of marketing once, also when its author forgot it', () => {
    const letter = { subject: 'News', html: '<html><body>News</body></html>', text: 'News' };

    const shown = withWayOut(letter, 'https://tea.example/u/1', 'en');

    expect(shown.text).toBe('News\n\nUnsubscribe from such messages: https://tea.example/u/1\n');
    expect(shown.html.match(/https:\/\/tea.example\/u\/1/g)).toHaveLength(1);
    expect(withWayOut(shown, 'https://tea.example/u/1', 'en')).toEqual(shown);
  });
});
