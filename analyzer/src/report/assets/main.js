// Draws the charts of the visible run, and redraws them when the width or the run changes.

const data = JSON.parse(document.getElementById("data").textContent);
const figures = [...document.querySelectorAll("figure.chart")];
const drawnAt = new Map();

function draw(figure) {
  const width = Math.floor(figure.clientWidth);
  if (!width || drawnAt.get(figure) === width) return;
  drawnAt.set(figure, width);
  const { plot, run, chart } = figure.dataset;
  const drawn =
    plot === undefined
      ? charts[chart](data.runs[Number(run)], width, data.across)
      : plotChart(data.plots[Number(plot)], width);
  figure.replaceChildren(...drawn.filter(Boolean));
}

// Draws one chart after another, so that the first ones appear while others are drawn.
function drawAll() {
  const waiting = figures.filter(
    (figure) => figure.clientWidth && drawnAt.get(figure) !== Math.floor(figure.clientWidth),
  );
  const next = () => {
    const figure = waiting.shift();
    if (!figure) {
      document.documentElement.dataset.drawn = figures.filter((one) => drawnAt.has(one)).length;
      return;
    }
    draw(figure);
    setTimeout(next);
  };
  next();
}

// Shows one run at a time; links to a section of another run switch to that run.
const articles = [...document.querySelectorAll("article.run")];
const tabs = [...document.querySelectorAll("[data-tab]")];
function show(no) {
  articles.forEach((article, at) => {
    article.hidden = at !== no;
  });
  tabs.forEach((tab, at) => {
    if (at === no) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  });
  drawAll();
}
function follow() {
  const found = /^#run(\d+)/.exec(window.location.hash);
  if (found && articles[Number(found[1])]) {
    show(Number(found[1]));
    const target = document.getElementById(window.location.hash.slice(1));
    if (target) target.scrollIntoView();
  }
}
window.addEventListener("hashchange", follow);

const theme = document.getElementById("theme");
theme.hidden = false;
themeButton(theme);

// Prints all runs and short tables.
let before = null;
window.addEventListener("beforeprint", () => {
  before = [
    articles.map((article) => article.hidden),
    [...document.querySelectorAll("details.short:not([open])")],
  ];
  articles.forEach((article) => {
    article.hidden = false;
  });
  before[1].forEach((one) => {
    one.open = true;
  });
  figures.forEach(draw);
});
window.addEventListener("afterprint", () => {
  if (!before) return;
  articles.forEach((article, at) => {
    article.hidden = before[0][at];
  });
  before[1].forEach((one) => {
    one.open = false;
  });
  before = null;
});

let resized;
new ResizeObserver(() => {
  clearTimeout(resized);
  resized = setTimeout(drawAll, 120);
}).observe(document.getElementById("main"));
document.querySelectorAll("table").forEach(sortable);
document.documentElement.classList.add("scripts");
show(0);
follow();
