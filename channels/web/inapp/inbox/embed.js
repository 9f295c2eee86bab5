// For each notice not shown before, document gets the event "tocsin:notice" (detail: the notice); unless a
// listener prevents its default it is shown here. Who shows it elsewhere calls tocsin.shown(id), and takes it
// away on "tocsin:withdrawn" (detail: its id). On "tocsin:token" the token is over: set tocsin.token.
(() => {
  const me = document.currentScript, base = new URL('.', me.src);
  const api = window.tocsin = { token: me.dataset.token, shown };
  const seen = new Set(), here = new Map();
  let last = '', wait = 1000, box;

  function ask(path, more) {
    const headers = { Authorization: 'Bearer ' + api.token, ...more.headers };
    return fetch(new URL(path, base), { ...more, headers, credentials: 'omit' });
  }
  function shown(id) {
    return ask('shown', {
      method: 'POST', keepalive: true, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ids: [id] }),
    });
  }
  function tell(name, detail) {
    return document.dispatchEvent(new CustomEvent('tocsin:' + name, { detail, cancelable: true }));
  }
  function element(name, text, parent, style) {
    const e = document.createElement(name);
    e.textContent = text;
    Object.assign(e.style, style);
    return parent.appendChild(e);
  }
  function show(n) {
    if (!box) {
      box = element('section', '', document.body, { position: 'fixed', inset: '0 0 auto', zIndex: 99999, maxHeight: '60vh', overflow: 'auto' });
      box.setAttribute('aria-live', 'polite');
    }
    const one = element('article', '', box, {
      background: '#fff8e1', color: '#1b1f24', borderBottom: '2px solid #8a5f00', padding: '12px 16px', font: '16px/1.5 system-ui, sans-serif',
    });
    here.set(n.id, one);
    one.lang = n.locale;
    element('strong', n.title, one, { display: 'block' });
    element('p', n.text, one, { margin: '4px 0 8px', whiteSpace: 'pre-line' });
    element('button', me.dataset.close || '✕', one, { font: 'inherit', padding: '6px 14px' }).onclick = () => one.remove();
    new IntersectionObserver((entries, watch) => {
      if (entries.some(e => e.isIntersecting)) { watch.disconnect(); shown(n.id).catch(() => {}); }
    }).observe(one);
  }
  function hear(event) {
    const field = name => (event.match(new RegExp('^' + name + ': (.*)$', 'm')) || [])[1];
    if (!field('data')) return;
    const n = JSON.parse(field('data'));
    if (field('event') == 'withdrawn') {
      here.get(n.id)?.remove();
      tell('withdrawn', n.id);
      return;
    }
    last = field('id');
    if (n.shown || seen.has(n.id)) return;
    seen.add(n.id);
    if (tell('notice', n)) show(n);
  }
  async function listen() {
    try {
      const r = await ask('stream', { headers: last ? { 'Last-Event-ID': last } : {} });
      if (r.status == 401) tell('token');
      if (!r.ok) throw r.status;
      wait = 1000;
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ''; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const events = (text + value).split('\n\n');
        text = events.pop();
        events.forEach(hear);
      }
    } catch { wait = Math.min(wait * 2, 60000); }
    setTimeout(listen, wait * (0.5 + Math.random()));
  }
  listen();
})();
