'use strict';
// What readers choose (asset, clock, theme, window), figures in their locale, and the tables behind
// the charts, which are the charts' only source. charts.js draws.
const page = (() => {
  const root = document.documentElement;
  const body = document.body;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  // A browser may forbid storage, as for a file.
  const kept = {
    get(key) { try { return localStorage.getItem(`unwind.${key}`); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(`unwind.${key}`, value); } catch { /* forbidden */ } },
  };
  const state = {
    asset: document.getElementById('asset').value,
    isLocal: kept.get('zone') === 'local',
    theme: kept.get('theme') || 'system',
  };

  // The kinds of unwind.page.wording.
  const DOLLARS = { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' };
  const NUMBERS = {
    usd: { ...DOLLARS, notation: 'compact', maximumSignificantDigits: 4 },
    price: { ...DOLLARS, maximumSignificantDigits: 7 },
    share: { style: 'percent', maximumFractionDigits: 1 },
    rate: { style: 'percent', maximumFractionDigits: 4 },
    percent: { style: 'percent', maximumFractionDigits: 1 },
    number: { maximumSignificantDigits: 4 },
    count: {},
    times: { maximumSignificantDigits: 3 },
    tiny: { style: 'percent', maximumSignificantDigits: 2 },
  };
  const formats = Object.fromEntries(
    Object.entries(NUMBERS).map(([kind, options]) => [kind, new Intl.NumberFormat(undefined, options)]),
  );
  function number(value, kind) {
    if (value === null || value === undefined || Number.isNaN(value)) return '–';
    let shown = kind === 'percent' ? value / 100 : value;
    const least = kind === 'rate' ? 1e-6 : 1e-3;
    const isTiny = formats[kind].resolvedOptions().style === 'percent' && shown !== 0 && Math.abs(shown) < least;
    return formats[isTiny ? 'tiny' : kind].format(shown) + (kind === 'times' ? '×' : '');
  }

  function clock(options) {
    const zone = state.isLocal ? {} : { timeZone: 'UTC' };
    return new Intl.DateTimeFormat(undefined, { ...options, ...zone });
  }
  let clocks;
  // In digits that can be counted with, whatever the locale's are.
  let hours;
  function setClocks() {
    const day = { month: 'short', day: 'numeric' };
    const hour = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
    hours = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hourCycle: 'h23', ...(state.isLocal ? {} : { timeZone: 'UTC' }) });
    clocks = {
      long: clock({ year: 'numeric', ...day, ...hour, timeZoneName: 'short' }),
      short: clock({ ...day, ...hour }),
      day: clock(day),
      hour: clock(hour),
    };
  }
  const time = (instant, form = 'short') => clocks[form].format(instant);
  const hourOf = (instant) => Number(hours.format(instant));
  // Words as the tables write them.
  const names = new Map();
  const words = (value) => names.get(value) ?? String(value).replaceAll('_', ' ');

  // Tables: rows by asset, of the raw figures.
  function parsed(cell, kind) {
    if (cell.className === 'u') return null;
    const moment = cell.querySelector('time');
    if (moment) return Date.parse(moment.dateTime || moment.textContent.replace(' ', 'T'));
    const data = cell.querySelector('data');
    const text = data ? data.getAttribute('value') : cell.textContent;
    if (kind === 'flag' || kind === 'bound') return text === 'true';
    if (kind === 'word' && data) names.set(text, data.textContent);
    return kind in NUMBERS ? Number(text) : text;
  }
  const tables = new Map();
  function table(id) {
    if (!tables.has(id)) {
      const element = document.querySelector(`table[data-table="${id}"]`);
      const found = { columns: [], assets: new Map() };
      if (element) {
        found.columns = all('thead th', element).map((head) => ({ key: head.dataset.key, kind: head.dataset.kind }));
        for (const part of element.tBodies) {
          const rows = [...part.rows].filter((row) => row.className !== 'asset').map((row) => Object.fromEntries(
            found.columns.map((column, place) => [column.key, parsed(row.cells[place], column.kind)]),
          ));
          found.assets.set(part.dataset.asset ?? '', rows);
        }
      }
      tables.set(id, found);
    }
    return tables.get(id);
  }
  // The asset whose rows a figure shows: the chosen one, else the first that it has.
  function assetOf(id) {
    const { assets } = table(id);
    return assets.has(state.asset) || assets.size === 0 ? state.asset : assets.keys().next().value;
  }
  const rowsOf = (id, asset = assetOf(id)) => table(id).assets.get(table(id).assets.has('') ? '' : asset) ?? [];

  // Figures and times in the reader's locale.
  function localise(within) {
    for (const moment of all('time', within)) {
      if (!moment.dateTime) moment.dateTime = moment.textContent.replace(' ', 'T');
      const isInTable = moment.closest('table');
      moment.textContent = time(Date.parse(moment.dateTime), isInTable ? 'short' : 'long');
    }
    for (const data of all('data[data-kind]', within)) {
      if (data.dataset.kind in NUMBERS) data.textContent = number(Number(data.value), data.dataset.kind);
    }
    for (const zone of all('.zone', within)) zone.textContent = state.isLocal ? clocks.long.formatToParts(0).find((part) => part.type === 'timeZoneName').value : 'UTC';
    for (const element of all('table[data-table]', within)) {
      const kinds = all('thead th', element).map((head) => head.dataset.kind);
      for (const data of all('tbody data', element)) {
        const kind = kinds[data.parentElement.cellIndex];
        if (kind in NUMBERS) data.textContent = number(Number(data.value), kind);
      }
    }
  }
  const isShown = (details) => details.open;
  function localiseShown() {
    const closed = all('details').filter((details) => !isShown(details));
    for (const part of all('.answer > article, .answer > dl, .take, .meta, .card > .scroll')) localise(part);
    for (const details of all('details')) details.dataset.due = '1';
    for (const details of all('details').filter((one) => !closed.includes(one))) localiseDetails(details);
  }
  function localiseDetails(details) {
    if (!details.dataset.due) return;
    delete details.dataset.due;
    localise(details);
  }

  function showAsset() {
    for (const element of all('.answer > [data-asset]')) element.hidden = element.dataset.asset !== state.asset;
    for (const card of all('[data-figure], .answer')) {
      const id = card.dataset.figure ?? 'brief';
      const asset = assetOf(id);
      for (const element of all('[data-asset]', card)) {
        if (element.parentElement !== card || card.dataset.figure) element.hidden = element.dataset.asset !== asset;
      }
      const tag = card.querySelector('.of');
      if (tag && !table(id).assets.has('') && table(id).assets.size) {
        const isOther = asset !== state.asset;
        const name = asset === 'ALL' ? 'All assets' : asset;
        tag.textContent = isOther ? `${name}, as ${state.asset === 'ALL' ? 'the market as a whole' : state.asset} has none` : name;
      }
    }
  }

  function showAge() {
    const asOf = Date.parse(body.dataset.asOf);
    const hours = Math.floor((Date.now() - asOf) / 3.6e6);
    const note = document.getElementById('stale');
    if ('demo' in body.dataset || !(hours >= Number(body.dataset.staleHours))) return;
    const days = Math.floor(hours / 24);
    const age = days >= 2 ? `${number(days, 'count')} days` : `${number(hours, 'count')} hours`;
    const strong = document.createElement('strong');
    strong.textContent = 'Stale. ';
    note.replaceChildren(strong, `By your clock the newest hour ended ${age} ago. A newer release has a page of its own.`);
    note.hidden = false;
  }

  function copyButtons() {
    if (!navigator.clipboard) return;
    for (const code of all('.code')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Copy';
      button.addEventListener('click', async () => {
        try {
          await navigator.clipboard.writeText(code.querySelector('pre').textContent);
          button.textContent = 'Copied';
        } catch {
          button.textContent = 'Not allowed';
        }
        setTimeout(() => { button.textContent = 'Copy'; }, 1500);
      });
      code.append(button);
    }
  }

  const THEMES = ['system', 'light', 'dark'];
  function setTheme() {
    if (state.theme === 'system') delete root.dataset.theme; else root.dataset.theme = state.theme;
    const words = { system: 'Auto', light: 'Light', dark: 'Dark' };
    document.getElementById('theme').lastChild.textContent = words[state.theme];
  }
  function setZone() {
    document.getElementById('zone').lastChild.textContent = state.isLocal ? 'Local' : 'UTC';
    setClocks();
  }

  function start(draw) {
    document.querySelector('.controls').hidden = false;
    setTheme();
    setZone();
    showAsset();
    localiseShown();
    showAge();
    copyButtons();
    document.getElementById('asset').addEventListener('change', (event) => {
      state.asset = event.target.value;
      showAsset();
      draw();
    });
    document.getElementById('zone').addEventListener('click', () => {
      state.isLocal = !state.isLocal;
      kept.set('zone', state.isLocal ? 'local' : 'utc');
      setZone();
      localiseShown();
      draw();
    });
    document.getElementById('theme').addEventListener('click', () => {
      state.theme = THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length];
      kept.set('theme', state.theme);
      setTheme();
      draw();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());
    document.addEventListener('toggle', (event) => {
      if (event.target.tagName === 'DETAILS' && event.target.open) localiseDetails(event.target);
    }, true);
    draw();
  }

  return { state, all, number, time, hourOf, words, table, rowsOf, assetOf, start, HOUR: 3.6e6, hour: Date.parse(body.dataset.hour) };
})();
