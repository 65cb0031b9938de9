// The charts, each an ECharts option of the rows of its table.
(() => {
  const { number, time, words, rowsOf, HOUR } = page;
  const usd = (value) => number(value, 'usd');

  function palette() {
    const style = getComputedStyle(document.documentElement);
    const names = ['ink', 'soft', 'muted', 'line', 'hair', 'panel', 'accent', 'long', 'long-soft', 'short', 'short-soft', 'calm', 'elevated', 'stressed', 'extreme', 'none'];
    return Object.fromEntries(names.map((name) => [name.replace('-s', 'S'), style.getPropertyValue(`--${name}`).trim()]));
  }
  // Patterns say what colours do: dots for estimates, stripes for shorts.
  const stripes = (color) => ({ symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4, color });
  const dots = (color) => ({ symbol: 'circle', dashArrayX: [[4, 4], [0, 4, 4, 0]], dashArrayY: [4, 0], symbolSize: 0.55, color });

  // A tooltip of text nodes: nothing in it is read as markup.
  function tip(title, lines) {
    const box = document.createElement('div');
    box.className = 'tip';
    const head = document.createElement('b');
    head.textContent = title;
    const list = document.createElement('table');
    for (const [name, value] of lines) {
      const row = list.insertRow();
      const label = document.createElement('th');
      label.textContent = name;
      row.append(label);
      row.insertCell().textContent = value;
    }
    box.append(head, list);
    return box;
  }
  const BEAM = 'path://M0,0h2v4h16v-4h2v10h-2v-4h-16v4h-2z';
  const between = (row, stem, kind = 'usd') => {
    const [low, high] = [row[`${stem}_low`], row[`${stem}_high`]];
    if (low === null) return 'not known';
    return high === null ? `${number(low, kind)} or more` : `${number(low, kind)} to ${number(high, kind)}`;
  };
  const atLeast = (value, isBound) => (value === null ? 'not known' : (isBound ? '≥ ' : '') + usd(value));

  function base(c, formatter, more = {}) {
    return {
      animation: false,
      textStyle: { fontFamily: 'system-ui, sans-serif', color: c.soft },
      aria: { enabled: false },
      tooltip: {
        trigger: 'axis', confine: true, formatter, axisPointer: { type: 'shadow', shadowStyle: { color: c.muted, opacity: 0.1 } },
        backgroundColor: c.panel, borderColor: c.line, textStyle: { color: c.ink, fontSize: 12 },
      },
      legend: { type: 'scroll', top: 0, left: 0, right: 0, itemWidth: 18, itemHeight: 11, itemGap: 16, textStyle: { color: c.soft, fontSize: 12 }, inactiveColor: c.line, pageTextStyle: { color: c.soft } },
      grid: { left: 8, right: 24, top: 36, bottom: 20, containLabel: true },
      ...more,
    };
  }
  const valueAxis = (c, format, more = {}) => ({
    type: 'value', axisLabel: { color: c.muted, fontSize: 11, formatter: format, hideOverlap: true }, splitLine: { lineStyle: { color: c.hair } },
    axisLine: { show: false }, axisTick: { show: false }, nameTextStyle: { color: c.muted, fontSize: 11 }, ...more,
  });
  function hourAxis(c, hours, width) {
    const every = width < 500 ? 12 : 6;
    const label = (value) => {
      const shown = time(Number(value), 'hour');
      return page.hourOf(Number(value)) === 0 ? `${shown}\n${time(Number(value), 'day')}` : shown;
    };
    return {
      type: 'category', data: hours.map(String), axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false },
      axisLabel: {
        color: c.muted, fontSize: 11, lineHeight: 14, formatter: label, hideOverlap: true, margin: 8,
        interval: (place, value) => page.hourOf(Number(value)) % every === 0,
      },
    };
  }
  // Every hour of the window, with or without a row.
  function hoursTo(rows, count) {
    const byHour = new Map(rows.map((row) => [row.hour_at, row]));
    const hours = Array.from({ length: count }, (_, place) => page.hour - (count - 1 - place) * HOUR);
    return [hours, hours.map((hour) => byHour.get(hour))];
  }

  // Whiskers over bars: [category, low, high, sign]; without a high end, an arrow.
  function whiskers(name, data, color, isAcross = false) {
    return {
      name, type: 'custom', data, z: 5, silent: true, itemStyle: { color }, encode: isAcross ? { y: 0, x: [1, 2] } : { x: 0, y: [1, 2] },
      renderItem(params, api) {
        const [place, low, high, isOpen] = [0, 1, 2, 3].map((at) => api.value(at));
        if (Number.isNaN(low)) return null;
        const at = (value) => api.coord(isAcross ? [value, place] : [place, value]);
        const [from, to, zero] = [at(low), at(high), at(0)];
        // A bar of a few pixels has no room for its interval; the table has it.
        if (Math.abs(to[isAcross ? 0 : 1] - zero[isAcross ? 0 : 1]) < 6) return null;
        const style = { stroke: color, lineWidth: 1.5, fill: 'none' };
        const line = (x1, y1, x2, y2) => ({ type: 'line', shape: { x1, y1, x2, y2 }, style });
        const [x, y] = [from[0], from[1]];
        const size = 3;
        const cap = (point) => (isAcross ? line(point[0], y - size, point[0], y + size) : line(x - size, point[1], x + size, point[1]));
        const parts = [line(...from, ...to), cap(from)];
        if (isOpen) {
          // Towards more: there is no upper end.
          const out = isAcross ? [to[0] + 9, to[1]] : [to[0], to[1] + (high < 0 ? 9 : -9)];
          const back = isAcross ? [[out[0] - 4, y - 3], [out[0] - 4, y + 3]] : [[x - 3, out[1] + (high < 0 ? -4 : 4)], [x + 3, out[1] + (high < 0 ? -4 : 4)]];
          parts.push(line(...to, ...out), { type: 'polyline', shape: { points: [back[0], out, back[1]] }, style });
        } else {
          parts.push(cap(to));
        }
        return { type: 'group', children: parts };
      },
    };
  }
  const end = (row, stem) => (row[`${stem}_high`] ?? row[`${stem}_mid`] ?? row[`${stem}_low`]);
  const isOpenEnd = (row, stem) => (row[`${stem}_high`] === null ? 1 : 0);
  const hidden = (row, stem) => Math.max(0, (row[`${stem}_mid`] ?? 0) - (row[stem] ?? 0));

  // Horizontal or vertical bands behind a chart: [from, to, label] in places of a category axis.
  function bands(data, color, c) {
    return {
      type: 'custom', data, z: 0, silent: true, itemStyle: { color }, tooltip: { show: false },
      renderItem(params, api) {
        const { x, y, width, height } = params.coordSys;
        const size = api.size([1, 0])[0];
        const left = api.coord([api.value(0), 0])[0] - size / 2;
        const right = api.coord([api.value(1), 0])[0] + size / 2;
        const clipped = [Math.max(left, x), Math.min(right, x + width)];
        return { type: 'rect', shape: { x: clipped[0], y, width: Math.max(1, clipped[1] - clipped[0]), height }, style: { fill: c.muted, opacity: 0.1 } };
      },
    };
  }

  const drawings = {
    long_short(c, rows, width, asset) {
      const [hours, byHour] = hoursTo(rows, 48);
      const waves = rowsOf('waves', asset).map((wave) => [
        Math.floor((wave.started_at - hours[0]) / HOUR), Math.floor(((wave.ended_at ?? page.hour) - hours[0]) / HOUR),
      ]).filter((wave) => wave[1] >= 0).map((wave) => [Math.max(0, wave[0]), Math.min(47, wave[1])]);
      const of = (stem, sign, hiddenPart) => byHour.map((row) => (row && row[stem] !== null ? sign * (hiddenPart ? hidden(row, stem) : row[stem]) : null));
      const ends = (stem, sign) => byHour.flatMap((row, place) => (row && row[`${stem}_low`] !== null && end(row, stem) > 0
        ? [[place, sign * row[`${stem}_low`], sign * end(row, stem), isOpenEnd(row, stem)]] : []));
      const bar = (name, data, color, decal) => ({ name, type: 'bar', stack: 'sides', data, barCategoryGap: '22%', itemStyle: { color, decal } });
      return {
        ...base(c, ([first]) => {
          const row = byHour[first.dataIndex];
          const when = `${time(hours[first.dataIndex])} to ${time(hours[first.dataIndex] + HOUR, 'hour')}`;
          if (!row) return tip(when, [['', 'no row: nothing is known']]);
          return tip(when, [
            ['Longs published', atLeast(row.long_1h_usd, row.is_lower_bound_1h)],
            ['with what was not', `${usd(row.long_1h_usd_mid)}, ${between(row, 'long_1h_usd')}`],
            ['Shorts published', atLeast(row.short_1h_usd, row.is_lower_bound_1h)],
            ['with what was not', `${usd(row.short_1h_usd_mid)}, ${between(row, 'short_1h_usd')}`],
            ...(waves.some(([from, to]) => from <= first.dataIndex && first.dataIndex <= to) ? [['Wave', 'in this hour']] : []),
          ]);
        }),
        xAxis: hourAxis(c, hours, width),
        yAxis: valueAxis(c, (value) => usd(Math.abs(value)), { name: 'longs above, shorts below', nameLocation: 'end', nameGap: 4, nameTextStyle: { color: c.muted, fontSize: 11, align: 'left' } }),
        legend: { ...base(c).legend, data: ['Longs published', 'Longs, estimated rest', 'Shorts published', 'Shorts, estimated rest', { name: '90% interval', icon: BEAM }] },
        grid: { ...base(c).grid, top: 56 },
        series: [
          bands(waves, c.muted, c),
          bar('Longs published', of('long_1h_usd', 1), c.long),
          bar('Longs, estimated rest', of('long_1h_usd', 1, true), c.longSoft, dots(c.long)),
          bar('Shorts published', of('short_1h_usd', -1), c.short, stripes(c.panel)),
          bar('Shorts, estimated rest', of('short_1h_usd', -1, true), c.shortSoft, dots(c.short)),
          whiskers('90% interval', [...ends('long_1h_usd', 1), ...ends('short_1h_usd', -1)], c.ink),
        ],
      };
    },

    waves(c, rows) {
      const known = rows.filter((row) => row.long_usd !== null);
      return {
        ...base(c, ([first]) => {
          const row = known[first.dataIndex];
          return tip(`${time(row.started_at)} to ${row.ended_at ? time(row.ended_at, 'hour') : 'now'}`, [
            ['Longs published', atLeast(row.long_usd, row.is_lower_bound)],
            ['with what was not', `${usd(row.long_usd_mid)}, ${between(row, 'long_usd')}`],
            ['Open interest', number(row.oi_change_share, 'share')],
            ['Drawdown', number(row.drawdown_share, 'share')],
            ['First venue', row.first_mover === null ? 'several' : row.first_mover],
            ['Class', row.unwind_class === null ? 'not known' : words(row.unwind_class)],
          ]);
        }),
        xAxis: { type: 'category', data: known.map((row) => String(row.started_at)), axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.muted, fontSize: 11, lineHeight: 14, hideOverlap: true, formatter: (value) => `${time(Number(value), 'hour')}\n${time(Number(value), 'day')}` } },
        yAxis: valueAxis(c, usd),
        legend: { ...base(c).legend, data: ['Longs published', 'Estimated rest', { name: '90% interval', icon: BEAM }] },
        series: [
          { name: 'Longs published', type: 'bar', stack: 'longs', data: known.map((row) => row.long_usd), itemStyle: { color: c.long }, barMaxWidth: 34 },
          { name: 'Estimated rest', type: 'bar', stack: 'longs', data: known.map((row) => hidden(row, 'long_usd')), itemStyle: { color: c.longSoft, decal: dots(c.long) }, barMaxWidth: 34 },
          whiskers('90% interval', known.map((row, place) => [place, row.long_usd_low, end(row, 'long_usd'), isOpenEnd(row, 'long_usd')]), c.ink),
        ],
      };
    },

    breakdown(c, rows, width, asset, window) {
      const ranked = rows.filter((row) => row.window_hours === window && row.venue !== 'ALL' && row.total_usd !== null).reverse();
      return {
        ...base(c, ([first]) => {
          const row = ranked[first.dataIndex];
          return tip(words(row.venue), [
            ['Longs', atLeast(row.long_usd, row.is_lower_bound)], ['Shorts', atLeast(row.short_usd, row.is_lower_bound)],
            ['Both, with what was not published', `${usd(row.total_usd_mid)}, ${between(row, 'total_usd')}`],
            ['Share of what was published', number(row.share, 'share')],
            ['Rank', row.is_ranking_open === null ? 'not known' : row.is_ranking_open ? 'open: intervals overlap' : 'by its interval clear'],
          ]);
        }),
        xAxis: valueAxis(c, usd, { position: 'bottom', splitNumber: width < 500 ? 3 : 5 }),
        yAxis: { type: 'category', data: ranked.map((row) => `${row.is_lower_bound ? '≥ ' : ''}${words(row.venue)}`), axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.soft, fontSize: 11, interval: 0 } },
        legend: { ...base(c).legend, data: ['Longs published', 'Shorts published', 'Estimated rest', { name: 'Both, 90% interval', icon: BEAM }] },
        series: [
          { name: 'Longs published', type: 'bar', stack: 'sides', data: ranked.map((row) => row.long_usd), itemStyle: { color: c.long }, barCategoryGap: '28%' },
          { name: 'Shorts published', type: 'bar', stack: 'sides', data: ranked.map((row) => row.short_usd), itemStyle: { color: c.short, decal: stripes(c.panel) } },
          { name: 'Estimated rest', type: 'bar', stack: 'sides', data: ranked.map((row) => hidden(row, 'total_usd')), itemStyle: { color: c.hair, decal: dots(c.muted) } },
          whiskers('Both, 90% interval', ranked.map((row, place) => [place, row.total_usd_low, end(row, 'total_usd'), isOpenEnd(row, 'total_usd')]), c.ink, true),
        ],
      };
    },

    market(c, rows) {
      const total = rows.reduce((sum, row) => sum + row.market_cap_usd, 0);
      // Blue up, orange down, as far as 8%; the sign and an arrow say the same.
      const shade = (share) => {
        if (share === null) return c.calm;
        if (Math.abs(share) < 0.0005) return c.calm;
        const strength = 0.2 + 0.8 * Math.min(1, Math.abs(share) / 0.08);
        return echarts.color.modifyAlpha(share < 0 ? c.long : c.short, strength);
      };
      const leaf = (row) => ({
        name: row.asset, value: row.market_cap_usd, row, itemStyle: { color: shade(row.return_24h) },
      });
      const tiers = [...new Set(rows.map((row) => row.tier ?? 'stablecoins'))];
      const move = (share) => (share === null ? 'return not known' : `${share < 0 ? '▼' : share > 0 ? '▲' : '■'} ${number(share, 'share')}`);
      return {
        animation: false, textStyle: base(c).textStyle,
        tooltip: { ...base(c).tooltip, trigger: 'item', formatter: ({ data }) => data.row && tip(`${data.row.asset}, rank ${data.row.rank}`, [
          ['Capitalisation', usd(data.row.market_cap_usd)], ['24 hours', move(data.row.return_24h)], ['Tier', data.row.tier ?? 'stablecoin'], ['Sector', data.row.sector ?? 'not known'],
        ]) },
        series: [{
          type: 'treemap', roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, right: 0, top: 0, bottom: 0,
          label: { show: true, color: c.ink, fontSize: 12, lineHeight: 15, formatter: ({ data }) => (data.row && data.row.market_cap_usd > 0.006 * total ? `${data.row.asset}\n${move(data.row.return_24h)}` : ''), textBorderColor: c.panel, textBorderWidth: 2 },
          // A label that does not fit is left out: half a figure would be read as another one.
          labelLayout: ({ rect, labelRect }) => (labelRect.width > rect.width - 4 || labelRect.height > rect.height - 2 ? { x: -1000, y: -1000 } : {}),
          upperLabel: { show: false },
          itemStyle: { borderColor: c.panel, borderWidth: 1, gapWidth: 1 },
          levels: [{ itemStyle: { borderWidth: 0, gapWidth: 5 } }, { itemStyle: { gapWidth: 1, borderColor: c.panel, borderWidth: 1 } }],
          data: tiers.map((tier) => ({ name: tier, itemStyle: { color: c.panel }, children: rows.filter((row) => (row.tier ?? 'stablecoins') === tier).map(leaf) })),
        }],
      };
    },

    breadth(c, rows, width) {
      const [hours, byHour] = hoursTo(rows, 24);
      const line = (name, key, color, type) => ({ name, type: 'line', data: byHour.map((row) => row?.[key] ?? null), symbol: type === 'solid' ? 'circle' : 'rect', symbolSize: 6, lineStyle: { color, width: 2, type }, itemStyle: { color } });
      return {
        ...base(c, ([first]) => {
          const row = byHour[first.dataIndex];
          return tip(time(hours[first.dataIndex]), row ? [
            ['Falling, by number', `${number(row.red_by_count_share, 'share')} of ${number(row.assets, 'count')}`], ['Falling, by capitalisation', number(row.red_by_cap_share, 'share')],
            ['Mid less large', number(row.mid_minus_large_return_24h, 'share')], ['Rotation', number(row.defensive_rotation, 'share')],
          ] : [['', 'no row: nothing is known']]);
        }),
        xAxis: hourAxis(c, hours, width),
        yAxis: valueAxis(c, (value) => number(value, 'share'), { min: 0, max: 1 }),
        series: [line('Falling, by number', 'red_by_count_share', c.accent, 'dashed'), line('Falling, by capitalisation', 'red_by_cap_share', c.long, 'solid')],
      };
    },

    price(c, rows, width, asset) {
      const [hours, byHour] = hoursTo(rows, 48);
      const known = rows.filter((row) => row.close_usd !== null);
      const newest = known.length ? known[known.length - 1].close_usd : null;
      const clusters = rowsOf('clusters', asset);
      const levels = rowsOf('levels', asset);
      const reach = newest === null ? [] : [...clusters, ...levels].filter((row) => Math.abs(row.distance_percent) <= 8);
      const prices = [...known.map((row) => row.close_usd), ...reach.flatMap((row) => [row.bucket_low_usd, row.bucket_high_usd])];
      const [low, high] = [Math.min(...prices), Math.max(...prices)];
      const range = { min: low - (high - low) * 0.02, max: high + (high - low) * 0.02 };
      const isNarrow = width < 640;
      const blocks = (name, panel, data, color) => ({
        name, type: 'custom', xAxisIndex: panel, yAxisIndex: panel, data, itemStyle: { color }, clip: true, encode: { x: 3, y: [0, 1] },
        renderItem(params, api) {
          const from = api.coord([api.value(2), api.value(0)]);
          const to = api.coord([api.value(3), api.value(1)]);
          const isEstimate = panel === 2;
          const style = { fill: color, opacity: isEstimate ? 0.5 : 1, stroke: isEstimate ? color : c.panel, lineWidth: 1, lineDash: isEstimate ? [2, 2] : undefined };
          return { type: 'rect', shape: { x: from[0], y: to[1], width: Math.max(1, to[0] - from[0]), height: Math.max(1.5, from[1] - to[1] - 0.5) }, style };
        },
      });
      // [from price, to price, from dollars, to dollars, row]; shorts begin where longs end.
      const part = (list, value, after = () => 0) => list
        .map((row) => [row.bucket_low_usd, row.bucket_high_usd, after(row), after(row) + value(row), row])
        .filter((one) => one[3] > one[2]);
      const price = (value) => number(value, 'price');
      const panel = (place) => {
        const made = valueAxis(c, usd, { splitNumber: 2, min: 0 });
        // Two axes end side by side.
        return { ...made, axisLabel: { ...made.axisLabel, alignMinLabel: 'left', alignMaxLabel: 'right' }, gridIndex: place };
      };
      const axis = (place, isLabelled) => {
        const made = { ...valueAxis(c, isLabelled ? price : () => '', { scale: true }), gridIndex: place, ...(prices.length ? range : {}) };
        return { ...made, axisLabel: { ...made.axisLabel, showMinLabel: false, showMaxLabel: false } };
      };
      const current = newest === null ? undefined : { silent: true, symbol: 'none', label: { show: false }, lineStyle: { color: c.ink, type: 'dashed', width: 1 }, data: [{ yAxis: newest }] };
      const grids = isNarrow
        ? [{ left: 62, right: 12, top: 58, height: '34%' }, { left: 62, right: '46%', top: '56%', bottom: 26 }, { left: '57%', right: 12, top: '56%', bottom: 26 }]
        : [{ left: 78, right: '52%', top: 58, bottom: 34 }, { left: '50%', right: '27%', top: 58, bottom: 34 }, { left: '75%', right: 14, top: 58, bottom: 34 }];
      const heading = (text, grid) => ({ text, left: grid.left, top: isNarrow && grid.top === '56%' ? '51%' : 34, textStyle: { color: c.muted, fontSize: 11, fontWeight: 600 }, padding: 0 });
      return {
        ...base(c, undefined),
        title: [heading('Price', grids[0]), heading('Realised, 30 days', grids[1]), heading(isNarrow ? 'Estimated' : 'Estimated map', grids[2])],
        tooltip: {
          ...base(c).tooltip, trigger: 'item',
          formatter: ({ data, dataIndex, seriesType }) => {
            if (seriesType === 'line') return tip(time(hours[dataIndex]), [['Price', price(byHour[dataIndex]?.close_usd)], ['Low of 24 h', price(byHour[dataIndex]?.low_24h_usd)]]);
            const row = data[4];
            const title = `${price(row.bucket_low_usd)} to ${price(row.bucket_high_usd)}`;
            const far = ['From the price', number(row.distance_percent, 'percent')];
            if (row.mass_usd === undefined) return tip(title, [['Longs, 30 days', usd(row.long_30d_usd)], ['Shorts, 30 days', usd(row.short_30d_usd)], far]);
            return tip(title, [[`Estimated ${row.liquidated_side}s`, usd(row.mass_usd)], ['80% band', `${usd(row.mass_low_usd)} to ${usd(row.mass_high_usd)}`], far]);
          },
        },
        legend: { ...base(c).legend, data: ['Price', 'Longs', 'Shorts'] },
        grid: grids.map((one) => ({ ...one, containLabel: false })),
        xAxis: [{ ...hourAxis(c, hours, isNarrow ? width : width / 2.4), gridIndex: 0 }, panel(1), panel(2)],
        yAxis: [axis(0, true), axis(1, isNarrow), axis(2, false)],
        series: [
          { name: 'Price', type: 'line', data: byHour.map((row) => row?.close_usd ?? null), symbol: 'none', lineStyle: { color: c.ink, width: 2 }, itemStyle: { color: c.ink }, markLine: current, triggerLineEvent: true, areaStyle: undefined },
          { ...blocks('Longs', 1, part(clusters, (row) => row.long_30d_usd), c.long), markLine: current },
          blocks('Shorts', 1, part(clusters, (row) => row.short_30d_usd, (row) => row.long_30d_usd), c.short),
          { ...blocks('Longs', 2, part(levels.filter((row) => row.liquidated_side === 'long'), (row) => row.mass_usd), c.long), markLine: current },
          blocks('Shorts', 2, part(levels.filter((row) => row.liquidated_side === 'short'), (row) => row.mass_usd), c.short),
        ],
      };
    },

    falls(c, rows) {
      const range = rows.map((row) => (row.forced_usd_low === null ? null : row.forced_usd_high - row.forced_usd_low));
      const line = (name, key, color, type, more = {}) => ({ name, type: 'line', data: rows.map((row) => row[key]), symbol: type === 'solid' ? 'circle' : 'diamond', symbolSize: 6, lineStyle: { color, width: 2, type }, itemStyle: { color }, ...more });
      return {
        ...base(c, ([first]) => {
          const row = rows[first.dataIndex];
          return tip(`A fall of ${number(row.drop_percent, 'percent')}`, [
            ['Forced by the fall alone', `${usd(row.forced_usd)}, ${between(row, 'forced_usd')}`], ['With the impact of the sales', `${usd(row.wave_usd_mid)}, ${between(row, 'wave_usd')}`],
            ['The wave ends at', `${number(row.final_drop_percent_mid, 'percent')}, ${between(row, 'final_drop_percent', 'percent')}`], ['Amplification', number(row.amplification_mid, 'times')],
          ]);
        }),
        xAxis: { type: 'category', data: rows.map((row) => number(row.drop_percent, 'percent')), name: 'fall of the price', nameLocation: 'middle', nameGap: 26, nameTextStyle: { color: c.muted, fontSize: 11 }, axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.muted, fontSize: 11 } },
        yAxis: valueAxis(c, usd),
        grid: { ...base(c).grid, bottom: 28 },
        legend: { ...base(c).legend, data: ['Forced by the fall alone', '80% band of the map', 'With the impact of the sales'] },
        series: [
          { name: 'low', type: 'line', stack: 'band', data: rows.map((row) => row.forced_usd_low), symbol: 'none', lineStyle: { opacity: 0 }, silent: true },
          { name: '80% band of the map', type: 'line', stack: 'band', data: range, symbol: 'none', lineStyle: { opacity: 0 }, itemStyle: { color: c.longSoft }, areaStyle: { color: c.longSoft, opacity: 0.7 }, silent: true },
          line('Forced by the fall alone', 'forced_usd', c.long, 'solid'),
          line('With the impact of the sales', 'wave_usd_mid', c.ink, 'dashed'),
        ],
      };
    },

    stress(c, rows, width) {
      const [hours, byHour] = hoursTo(rows, 48);
      const band = (from, to, color, name, position = 'insideLeft') => [{ yAxis: from, name, label: { position }, itemStyle: { color, opacity: 0.35 } }, { yAxis: to }];
      return {
        ...base(c, ([first]) => {
          const row = byHour[first.dataIndex];
          return tip(time(hours[first.dataIndex]), row ? [
            ['Score', number(row.score, 'number')], ['Percentile', number(row.score_percentile, 'number')], ['Regime', row.regime === null ? 'not known' : row.regime],
            ['Known weight', number(row.known_weight_share, 'share')], ['Missing', row.missing_components ? words(row.missing_components) : 'none'],
          ] : [['', 'no row: nothing is known']]);
        }),
        xAxis: hourAxis(c, hours, width),
        yAxis: valueAxis(c, (value) => String(value), { min: 0, max: 100 }),
        series: [
          {
            name: 'Percentile', type: 'line', data: byHour.map((row) => row?.score_percentile ?? null), symbol: 'none', lineStyle: { color: c.ink, width: 2 }, itemStyle: { color: c.ink },
            markArea: { silent: true, label: { color: c.soft, position: 'insideLeft', fontSize: 11 }, data: [band(0, 50, c.calm, 'calm', 'insideBottomLeft'), band(50, 80, c.elevated, 'elevated'), band(80, 95, c.stressed, 'stressed'), band(95, 100, c.extreme, 'extreme')] },
          },
          { name: 'Score', type: 'line', data: byHour.map((row) => row?.score ?? null), symbol: 'none', lineStyle: { color: c.accent, width: 2, type: 'dashed' }, itemStyle: { color: c.accent } },
        ],
      };
    },

    components(c, rows) {
      const ordered = [...rows].reverse();
      return {
        ...base(c, ([first]) => {
          const row = ordered[first.dataIndex];
          return tip(words(row.component), [['Value', number(row.value, 'number')], ['Percentile', number(row.percentile, 'number')], ['Weight', number(row.weight, 'share')], ['Points', number(row.contribution, 'number')], ['Regime', row.regime ?? 'not known']]);
        }),
        xAxis: valueAxis(c, (value) => number(value, 'number')),
        yAxis: { type: 'category', data: ordered.map((row) => words(row.component) + (row.contribution === null ? ' (not known)' : '')), axisLine: { lineStyle: { color: c.line } }, axisTick: { show: false }, axisLabel: { color: c.soft, fontSize: 11, lineHeight: 13, interval: 0, width: 140, overflow: 'break' } },
        legend: { ...base(c).legend, data: ['Points', 'The most it can add'] },
        series: [
          { name: 'The most it can add', type: 'bar', data: ordered.map((row) => (row.weight === null ? null : 100 * row.weight)), itemStyle: { color: 'transparent', borderColor: c.muted, borderType: 'dashed', borderWidth: 1 }, barWidth: '58%', silent: true },
          { name: 'Points', type: 'bar', data: ordered.map((row) => row.contribution), barGap: '-100%', barWidth: '58%', itemStyle: { color: c.accent }, label: { show: true, position: 'insideLeft', color: c.panel, fontSize: 11, formatter: ({ value }) => (value > 4 ? number(value, 'number') : '') } },
        ],
      };
    },

    signals(c, rows, width, asset) {
      const [hours, byHour] = hoursTo(rows, 48);
      const warning = (row) => {
        const active = [row.recovery_divergence && 'R', row.range_divergence && 'N'].filter(Boolean).join('');
        if (active) return [active, c.extreme];
        return row.recovery_divergence === false && row.range_divergence === false ? ['·', c.calm] : ['?', c.panel];
      };
      const classes = { capitulation: ['C', c.extreme], staged: ['S', c.stressed], voluntary: ['V', c.short], mixed: ['m', c.calm] };
      // The market as a whole has no price, and so no warnings: those of the assets stand below it.
      const warned = asset === 'ALL' ? [...page.table('signals').assets.keys()].filter((one) => one !== 'ALL') : [asset];
      const lines = [
        [`${asset}: class`, byHour, (row) => classes[row.unwind_class]],
        ...warned.map((one) => [`${one}: warnings`, hoursTo(rowsOf('signals', one), 48)[1], warning]),
      ];
      const data = lines.flatMap(([, ofLine, look], line) => ofLine.map((row, place) => {
        const [symbol, color] = (row && look(row)) || ['?', c.panel];
        const before = place > 0 && ofLine[place - 1] ? look(ofLine[place - 1]) : null;
        const isFirst = !before || before[0] !== symbol;
        return { value: [place, lines.length - 1 - line, 1], symbol, isFirst, row, itemStyle: { color, borderColor: c.panel, borderWidth: 1 }, label: { color: color === c.extreme ? c.panel : c.ink, fontWeight: color === c.extreme ? 700 : 400 } };
      }));
      const isRoomy = width > 620;
      const flag = (value) => (value === null || value === undefined ? 'not known' : value ? 'warning' : 'none');
      return {
        ...base(c, undefined),
        tooltip: { ...base(c).tooltip, trigger: 'item', formatter: ({ data: { value: [place], row } }) => (
          tip(time(hours[place]), row ? [
            ['Class', row.unwind_class === null ? 'not known' : row.unwind_class], ['Rule', words(row.deciding_rule ?? 'not known')], ['No recovery', flag(row.recovery_divergence)], ['Narrowing ranges', flag(row.range_divergence)],
            ['Open interest, 24 h', number(row.oi_change_24h_share, 'share')], ['Peak hour', number(row.peak_hour_share, 'share')], ['Stages in 7 d', number(row.stages_7d, 'count')],
          ] : [['', 'no row: nothing is known']])
        ) },
        legend: undefined,
        grid: { ...base(c).grid, top: 8 },
        xAxis: hourAxis(c, hours, width),
        yAxis: { type: 'category', data: lines.map(([name]) => name).reverse(), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: c.soft, fontSize: 12 } },
        series: [{ type: 'heatmap', data, // Where cells are narrower than a letter, the first of a run has it.
        label: { show: true, fontSize: 11, offset: isRoomy ? [0, 0] : [4, 0], formatter: ({ data: { symbol, isFirst } }) => (isRoomy || isFirst ? symbol : '') } }],
      };
    },

    open_interest(c, rows, width) {
      const [hours, byHour] = hoursTo(rows, 48);
      const line = (name, key, color, type) => ({ name, type: 'line', data: byHour.map((row) => row?.[key] ?? null), symbol: 'none', lineStyle: { color, width: 2, type }, itemStyle: { color } });
      return {
        ...base(c, ([first]) => {
          const row = byHour[first.dataIndex];
          return tip(`${time(hours[first.dataIndex] + HOUR)}, the hour's end`, row ? [
            ['Same venues', usd(row.oi_constant_venues_usd)], ['All that reported', atLeast(row.oi_usd, row.is_lower_bound)],
            ['1 h, in coins', number(row.oi_change_1h_share, 'share')], ['24 h, in coins', number(row.oi_change_24h_share, 'share')],
          ] : [['', 'no row: nothing is known']]);
        }),
        xAxis: hourAxis(c, hours, width),
        yAxis: valueAxis(c, usd, { scale: true }),
        // Which venues report changes from hour to hour: the comparable line is the strong one.
        series: [line('Same venues', 'oi_constant_venues_usd', c.ink, 'solid'), line('All that reported', 'oi_usd', c.accent, 'dashed')],
      };
    },

    funding(c, rows, width) {
      const [hours, byHour] = hoursTo(rows, 48);
      const of = (key) => byHour.map((row) => row?.[key] ?? null);
      const spread = (name, color) => ({
        name, type: 'custom', z: 1, silent: true, itemStyle: { color }, encode: { x: 0, y: [1, 2] },
        data: byHour.flatMap((row, place) => (row && row.lowest_funding_rate_8h !== null ? [[place, row.lowest_funding_rate_8h, row.highest_funding_rate_8h]] : [])),
        renderItem(params, api) {
          const from = api.coord([api.value(0), api.value(1)]);
          const to = api.coord([api.value(0), api.value(2)]);
          const size = api.size([1, 0])[0] * 0.7;
          return { type: 'rect', shape: { x: from[0] - size / 2, y: to[1], width: size, height: Math.max(1.5, from[1] - to[1]) }, style: { fill: color } };
        },
      });
      const rate = (value) => number(value, 'rate');
      return {
        ...base(c, (shown) => {
          const place = shown[0].dataIndex;
          const row = byHour[place];
          return tip(time(hours[place]), row ? [
            ['Mean, 8 h', rate(row.oi_weighted_funding_8h)], ['a year', rate(row.oi_weighted_apr)], ['Lowest to highest', `${rate(row.lowest_funding_rate_8h)} to ${rate(row.highest_funding_rate_8h)}`],
            ['Basis', rate(row.oi_weighted_basis)], ['Venues', number(row.venues, 'count')], ...(row.is_incomplete ? [['Incomplete', 'a rate is missing']] : []),
          ] : [['', 'no row: nothing is known']]);
        }),
        xAxis: hourAxis(c, hours, width),
        yAxis: valueAxis(c, rate, { scale: true }),
        legend: { ...base(c).legend, data: ['Mean by open interest, 8 h', 'Lowest to highest'] },
        series: [
          { name: 'Mean by open interest, 8 h', type: 'line', z: 4, data: of('oi_weighted_funding_8h'), symbol: 'none', lineStyle: { color: c.ink, width: 2 }, itemStyle: { color: c.ink } },
          spread('Lowest to highest', c.shortSoft),
        ],
      };
    },

    coverage(c, rows, width) {
      const [hours] = hoursTo([], 24);
      const venues = [...new Set(rows.map((row) => row.venue))].sort().reverse();
      const looks = { complete: ['●', c.calm], partial: ['◐', c.elevated] };
      const data = rows.map((row) => {
        const [symbol, color] = looks[row.landing_outcome] ?? ['✕', c.extreme];
        return { value: [hours.indexOf(row.hour_at), venues.indexOf(row.venue), 1], row, symbol: symbol === '●' && row.lower_bound_reason !== null ? '≥' : symbol, itemStyle: { color, borderColor: c.panel, borderWidth: 1.5 }, label: { color: color === c.extreme ? c.panel : c.soft } };
      });
      return {
        ...base(c, undefined),
        tooltip: { ...base(c).tooltip, trigger: 'item', formatter: ({ data: { row } }) => tip(`${words(row.venue)}, ${time(row.hour_at)}`, [
          ['Outcome', words(row.landing_outcome)], ['Covered', number(row.covered_share, 'share')], ['Lower bound', row.lower_bound_reason === null ? 'no' : words(row.lower_bound_reason)], ['Published', row.total_usd === null ? 'not known' : usd(row.total_usd)],
        ]) },
        legend: undefined,
        grid: { ...base(c).grid, top: 8 },
        xAxis: hourAxis(c, hours, width),
        yAxis: { type: 'category', data: venues.map(words), axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: c.soft, fontSize: 11, interval: 0 } },
        series: [{ type: 'heatmap', data, label: { show: true, fontSize: width < 500 ? 8 : 11, formatter: ({ data: { symbol } }) => symbol } }],
      };
    },
  };
  const HEIGHTS = { price: 'tall', coverage: 'tall', signals: 'low', breadth: 'low', market: 'tall' };

  // One window of the breakdown at a time.
  let window_ = 1;
  function windowButtons(card) {
    const options = card.querySelector('.options');
    for (const hours of [1, 4, 12, 24]) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = `${hours} h`;
      button.setAttribute('aria-pressed', String(hours === window_));
      button.addEventListener('click', () => {
        window_ = hours;
        for (const other of options.children) other.setAttribute('aria-pressed', String(other === button));
        draw();
      });
      options.append(button);
    }
    options.hidden = false;
  }

  // A legend of several lines pushes the chart down, rather than hiding behind arrows.
  function withRoom(option, width) {
    if (!option.legend || Array.isArray(option.grid)) return option;
    const names = (option.legend.data ?? option.series.map((one) => one.name)).map((one) => one.name ?? one);
    let [lines, used] = [1, 0];
    for (const name of names) {
      const needed = 6.6 * name.length + 40;
      if (used + needed > width && used > 0) { lines += 1; used = 0; }
      used += needed;
    }
    option.legend.type = 'plain';
    option.legend.itemGap = 12;
    option.grid = { ...option.grid, top: option.grid.top + 26 * (lines - 1) };
    return option;
  }

  const charts = new Map();
  function drawOne(card, c) {
    const id = card.dataset.figure;
    const element = card.querySelector('.chart');
    if (!element) return;
    const asset = page.assetOf(id);
    const rows = rowsOf(id, asset);
    if (!charts.has(id)) {
      element.hidden = false;
      if (HEIGHTS[id]) element.classList.add(HEIGHTS[id]);
      if (id === 'breakdown') windowButtons(card);
      charts.set(id, echarts.init(element, null, { renderer: 'canvas' }));
      new ResizeObserver(() => { if (element.clientWidth !== charts.get(id).getWidth()) { charts.get(id).resize(); drawOne(card, palette()); } }).observe(element);
    }
    charts.get(id).setOption(withRoom(drawings[id](c, rows, element.clientWidth, asset, window_), element.clientWidth), { notMerge: true });
  }
  let drawing = 0;
  function draw() {
    // One chart at a time, so that the page stays responsive.
    const mine = ++drawing;
    const c = palette();
    const due = page.all('[data-figure]').filter((card) => card.querySelector('.chart'));
    document.documentElement.removeAttribute('data-drawn');
    const next = () => {
      if (mine !== drawing) return;
      const card = due.shift();
      if (!card) { document.documentElement.setAttribute('data-drawn', ''); return; }
      drawOne(card, c);
      setTimeout(next, 0);
    };
    setTimeout(next, 0);
  }
  page.start(draw);
})();
