const page = (title: string, body: string): string => `<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>${title}</title>
<style>body { font: 17px/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem; color: #1f2933 } button { font: inherit; padding: .5rem 1.25rem }</style></head>
<body>${body}</body></html>
`;

/** Asks. The token is safe in a page: it was checked, and holds letters, digits, hyphens and a point only. */
export const confirmationPage = (token: string): string => page('退订 · Unsubscribe',
  `<h1>退订 · Unsubscribe</h1><p>不再接收营销邮件。订单通知仍会发送。<br>Get no more marketing messages. Messages about your orders still come.</p>
<form method="post" action="/notifications/unsubscribe/${token}"><button>退订 · Unsubscribe</button></form>`);

export const donePage = (token: string, isSubscribed: boolean): string => isSubscribed
  ? page('已重新订阅 · Subscribed', '<h1>已重新订阅 · Subscribed</h1><p>您将继续收到我们的消息。<br>You will hear from us again.</p>')
  : page('已退订 · Unsubscribed', `<h1>已退订 · Unsubscribed</h1><p>您不会再收到营销邮件。<br>You will get no more marketing messages.</p>
<form method="post" action="/notifications/subscribe/${token}"><button>撤销 · Undo</button></form>`);
