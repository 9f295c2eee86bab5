// Keeps the page live: fetches its main part again when something has changed, and at times even if
// nothing has, since the page says how long ago things were.
'use strict';

const live = document.getElementById('live');
let fetching = false, again = false;

function say(text, trouble) {
  live.hidden = false;
  live.textContent = text;
  live.classList.toggle('trouble', Boolean(trouble));
}

// Times come in UTC and are said in the reader's zone.
const form = new Intl.DateTimeFormat(undefined, {weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit'});
function localise(root) {
  for (const t of root.querySelectorAll('time[datetime]')) {
    t.title = t.textContent;
    t.textContent = form.format(new Date(t.dateTime));
  }
}

function replaceMain(html) {
  const next = new DOMParser().parseFromString(html, 'text/html').querySelector('main');
  if (!next) return;
  localise(next);
  const main = document.getElementById('main');
  if (next.innerHTML === main.innerHTML) return;
  const focused = document.activeElement && main.contains(document.activeElement) ? document.activeElement.id : '';
  const scrolled = new Map();
  for (const e of main.querySelectorAll('.scroll[id]')) scrolled.set(e.id, e.scrollLeft);
  main.replaceWith(next);
  for (const [id, left] of scrolled) {
    const e = document.getElementById(id);
    if (e) e.scrollLeft = left;
  }
  if (focused) document.getElementById(focused)?.focus({preventScroll: true});
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  do {
    again = false;
    try {
      const answer = await fetch(location.pathname, {headers: {'Tocsin-Fragment': '1'}, cache: 'no-store'});
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) replaceMain(await answer.text());
    } catch { /* the stream says that the server is gone */ }
  } while (again);
  fetching = false;
}

function listen() {
  const stream = new EventSource('/v1/events');
  stream.onopen = () => say('live');
  stream.addEventListener('incidents', refresh);
  stream.addEventListener('rejections', refresh);
  stream.onerror = () => {
    say('reconnecting…', true);
    if (stream.readyState === EventSource.CLOSED) { // refused: the browser doesn't try again by itself
      setTimeout(listen, 5000);
    }
  };
}

localise(document);
document.getElementById('zone').textContent = 'Times are in your time zone, ' + Intl.DateTimeFormat().resolvedOptions().timeZone + '.';
setInterval(refresh, 30000);
listen();
