import { contactId, contactOfToken, tokenOf } from './contact.js';

const SECRET = 'a-secret-of-at-least-thirty-two-characters';
const ada = contactId(SECRET, 'ada@example.com');
const token = tokenOf(SECRET, ada);

describe('the token of an unsubscribe link', () => {
  it('leads to the contact point that it was made for', () => {
    expect(contactOfToken(SECRET, token)).toBe(ada);
  });

  it.each([
    ['something behind it, which would stand in the page', `${token}."><script>alert(1)</script>`],
    ['a point behind it', `${token}.`],
    ['its signature cut', token.slice(0, -1)],
    ['no signature', ada],
    ['another contact point', tokenOf(SECRET, contactId(SECRET, 'bob@example.com')).replace(/^[^.]+/, ada)],
    ['the signature of another installation', tokenOf(`${SECRET}!`, ada)],
    ['nothing', ''],
  ])('leads nowhere with %s', (_, wrong) => expect(contactOfToken(SECRET, wrong)).toBeUndefined());
});
