/** The mailbox as a page without a framework: a list, and the chosen message in a frame that may run nothing. */
export const MAILBOX_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Yunke mailbox</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: minmax(16rem, 24rem) 1fr; height: 100vh; color: #1f2933 }
  aside { border-right: 1px solid #e4e7eb; overflow: auto } form { padding: .75rem; border-bottom: 1px solid #e4e7eb; display: flex; gap: .5rem }
  input { flex: 1; min-width: 0 } ul { list-style: none; margin: 0; padding: 0 } li button { all: unset; display: block; box-sizing: border-box; width: 100%; padding: .6rem .75rem; border-bottom: 1px solid #f0f2f5; cursor: pointer }
  li button:focus-visible, li button:hover { background: #f4f5f7 } small { color: #616e7c; display: block } main { display: flex; flex-direction: column; min-width: 0 }
  pre { margin: 0; padding: .75rem; background: #f4f5f7; white-space: pre-wrap; overflow: auto; max-height: 35vh } iframe { flex: 1; border: 0 } p { padding: .75rem }
</style></head>
<body><aside><form><input type="password" placeholder="API token" aria-label="API token" autocomplete="off"><button>Show</button></form><p id="note">Mail of the built-in mailbox. Give an operator's API token.</p><ul></ul></aside>
<main><pre aria-label="Message as text"></pre><iframe sandbox title="Message as HTML"></iframe></main>
<script>
  const [form, list, note, text, frame] = ['form', 'ul', '#note', 'pre', 'iframe'].map((name) => document.querySelector(name));
  const token = form.querySelector('input');
  token.value = sessionStorage.getItem('token') ?? '';
  async function show() {
    sessionStorage.setItem('token', token.value);
    const answer = await fetch('/api/notifications/mailbox?limit=200', { headers: { authorization: 'Bearer ' + token.value } });
    const body = await answer.json();
    note.textContent = answer.ok ? (body.items.length ? '' : 'No mail yet.') : body.detail;
    list.replaceChildren(...(body.items ?? []).map((mail) => {
      const row = document.createElement('li'), button = document.createElement('button'), small = document.createElement('small');
      small.textContent = mail.recipient + ' · ' + new Date(mail.receivedAt).toLocaleString();
      button.append(mail.subject, small);
      button.onclick = () => { text.textContent = mail.headers.join('\\n') + '\\n\\n' + mail.text; frame.srcdoc = mail.html; };
      row.append(button);
      return row;
    }));
  }
  form.onsubmit = (event) => { event.preventDefault(); void show(); };
  if (token.value) void show();
</script></body></html>
`;
