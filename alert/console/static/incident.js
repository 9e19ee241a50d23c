// What the page of an incident gains by a script: charts that answer to the pointer, a countdown that counts, buttons
// that copy. Without it everything can still be read and done.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Copying.
  if (navigator.clipboard) {
    for (const button of document.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const pre = button.parentElement.querySelector("pre");
        try {
          await navigator.clipboard.writeText(pre.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(pre); // then the person can copy it
          button.textContent = "Selected";
        }
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
    }
  }

  // The countdown. The server decides; this only says how long there is.
  for (const left of document.querySelectorAll("[data-due]")) {
    const due = Number(left.dataset.due);
    left.parentElement.lastChild.textContent = " from now, unless somebody stops it.";
    const tick = () => {
      const seconds = Math.ceil((due - Date.now()) / 1000);
      left.textContent = seconds > 0 ? (seconds >= 60 ? Math.floor(seconds / 60) + " min " : "") + (seconds % 60) + " s" : "no time";
      if (seconds <= 0) {
        clearInterval(timer);
        left.parentElement.lastChild.textContent = ": the revocation is under way. Reload to see what came of it.";
      }
    };
    const timer = setInterval(tick, 500);
    tick();
  }

  // Charts: the numbers are those of the picture that the server drew.
  const pad = (n) => String(n).padStart(2, "0");
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const when = (t) => { const d = new Date(t * 1000); return `${days[d.getUTCDay()]} ${d.toISOString().slice(0, 16).replace("T", " ")} UTC`; };
  const label = (t, step) => { const d = new Date(t * 1000); return step >= 86400 ? `${days[d.getUTCDay()]} ${d.getUTCDate()}` : `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`; };

  // flags draws the time since the first evidence, and where evidence is.
  const flags = (data) => ({
    hooks: {
      drawClear: (u) => {
        const from = u.valToPos(data.since, "x", true);
        u.ctx.save();
        u.ctx.globalAlpha = 0.07;
        u.ctx.fillStyle = css("--mark");
        const left = Math.max(from, u.bbox.left);
        u.ctx.fillRect(left, u.bbox.top, Math.max(0, u.bbox.left + u.bbox.width - left), u.bbox.height);
        u.ctx.restore();
      },
      draw: (u) => {
        const ctx = u.ctx, seen = [];
        ctx.save();
        ctx.beginPath();
        ctx.rect(u.bbox.left, 0, u.bbox.width, u.bbox.top + u.bbox.height);
        ctx.clip();
        ctx.strokeStyle = ctx.fillStyle = css("--mark");
        ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
        for (const mark of data.marks || []) {
          const x = u.valToPos(mark.at, "x", true), near = seen.filter((s) => Math.abs(s.x - x) < 140 * devicePixelRatio);
          if (near.some((s) => s.text === mark.text) || near.length > 2) continue;
          seen.push({ x, text: mark.text });
          ctx.setLineDash([3, 3]);
          ctx.beginPath();
          ctx.moveTo(x, 0);
          ctx.lineTo(x, u.bbox.top + u.bbox.height);
          ctx.stroke();
          const end = x > u.bbox.left + u.bbox.width / 2;
          ctx.textAlign = end ? "right" : "left";
          ctx.fillText(mark.text, x + (end ? -5 : 5), (12 + 13 * near.length) * devicePixelRatio);
        }
        if (data.ceiling > 0) {
          const y = u.valToPos(data.ceiling, "y", true);
          ctx.strokeStyle = css("--text");
          ctx.setLineDash([6, 4]);
          ctx.beginPath();
          ctx.moveTo(u.bbox.left, y);
          ctx.lineTo(u.bbox.left + u.bbox.width, y);
          ctx.stroke();
        }
        ctx.restore();
      },
    },
  });

  const options = (data, width) => {
    const step = data.unit === "hour" ? 3600 : 60;
    const axis = { stroke: css("--faint"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 } };
    const bars = uPlot.paths.bars({ size: [0.9, 40], align: 1 });
    const since = Math.floor(data.since / step) * step;
    const count = (u, v) => (v == null ? "–" : Math.round(v).toLocaleString("en"));
    const series = [{ label: data.unit === "hour" ? "Hour" : "Minute", value: (u, t) => (t == null ? "–" : when(t)) }];
    const columns = [data.times];
    const known = data.high.some((v) => v != null);
    if (known) {
      series.push({ label: "expected at most", stroke: "transparent", points: { show: false }, value: count, paths: uPlot.paths.stepped({ align: 1 }) },
        { label: "at least", stroke: "transparent", points: { show: false }, value: count, paths: uPlot.paths.stepped({ align: 1 }) },
        { label: "median", stroke: css("--link"), width: 1, points: { show: false }, value: count, paths: uPlot.paths.stepped({ align: 1 }) });
      columns.push(data.high, data.low, data.middle);
    }
    series.push({ label: "before", stroke: css("--link"), fill: css("--link"), paths: bars, points: { show: false }, value: count },
      { label: "since the first evidence", stroke: css("--mark"), fill: css("--mark"), paths: bars, points: { show: false }, value: count });
    columns.push(data.requests.map((n, i) => (data.times[i] < since && n > 0 ? n : null)), data.requests.map((n, i) => (data.times[i] >= since && n > 0 ? n : null)));
    const top = Math.max(1, data.ceiling, ...data.requests, ...data.high.map((v) => v || 0)) * 1.06;
    return [{
      width, height: 300, padding: [42, 12, 0, 0], tzDate: (t) => uPlot.tzDate(new Date(t * 1000), "UTC"), plugins: [flags(data)],
      cursor: { drag: { x: true, y: false } }, series, bands: known ? [{ series: [1, 2], fill: css("--band") }] : [],
      scales: { x: { time: true }, y: data.log ? { distr: 100, fwd: Math.log1p, bwd: Math.expm1, range: () => [0, top] } : { range: () => [0, top] } },
      axes: [{ ...axis, values: (u, list, i, space, step) => list.map((t) => label(t, step)) }, { ...axis, size: 56, ...(data.log ? { splits: () => [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].filter((n) => n <= top) } : {}), incrs: [1, 2, 5, 10, 20, 50].concat([2, 3, 4, 5, 6, 7, 8].flatMap((p) => [1, 2, 5].map((n) => n * 10 ** p))), values: (u, list) => list.map((n) => (n == null ? "" : n.toLocaleString("en"))) }],
    }, columns];
  };

  const draw = (name) => {
    const place = document.getElementById("case-chart-" + name), text = document.getElementById("case-data-" + name);
    if (!place || !text || typeof uPlot === "undefined") return;
    const data = JSON.parse(text.textContent);
    let plot = null;
    const again = () => {
      const width = Math.max(280, place.clientWidth);
      if (plot) plot.destroy();
      plot = new uPlot(...options(data, width), place);
      plot.root.setAttribute("aria-hidden", "true"); // the table below says the same
    };
    again();
    place.classList.add("case-drawn");
    const hint = document.createElement("p");
    hint.className = "case-hint";
    hint.textContent = "Drag to zoom in, double-click to see all.";
    place.after(hint);
    let wide = place.clientWidth;
    new ResizeObserver(() => {
      if (Math.abs(place.clientWidth - wide) > 4) { wide = place.clientWidth; plot.setSize({ width: Math.max(280, wide), height: 300 }); }
    }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  };
  try { draw("hours"); draw("minutes"); } catch (e) { console.error("tokenwatch: the charts stay pictures", e); }
})();
