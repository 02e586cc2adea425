// Draws each chart of the page with Vega, follows its width and the light or dark theme, and shows values on hover or tap.
(function () {
  'use strict';
  var dark = window.matchMedia('(prefers-color-scheme: dark)');
  var tip = document.createElement('div');
  tip.className = 'tip';
  tip.setAttribute('role', 'status');
  tip.hidden = true;
  document.body.appendChild(tip);

  function theme() {
    var style = getComputedStyle(document.documentElement);
    function color(name) { return style.getPropertyValue('--' + name).trim(); }
    return {
      ink: color('ink'), muted: color('muted'), rule: color('rule'), paper: color('page'),
      palette: [0, 1, 2, 3, 4, 5].map(function (i) { return color('s' + i); })
    };
  }

  function showTip(handler, event, item, value) {
    if (!value) { tip.hidden = true; return; }
    tip.textContent = value;
    tip.hidden = false;
    var box = tip.getBoundingClientRect();
    var point = event.changedTouches ? event.changedTouches[0] : event;
    var x = Math.min(point.clientX + 14, window.innerWidth - box.width - 8);
    var y = point.clientY - box.height - 12;
    tip.style.left = Math.max(8, x) + 'px';
    tip.style.top = (y < 8 ? point.clientY + 18 : y) + 'px';
  }

  var views = Array.from(document.querySelectorAll('.plot')).map(function (plot) {
    var spec = JSON.parse(document.getElementById(plot.dataset.spec).textContent);
    spec.width = plot.clientWidth;
    var view = new vega.View(vega.parse(spec), {renderer: 'svg', container: plot, hover: true});
    view.tooltip(showTip);
    return {plot: plot, view: view};
  });

  function paint() {
    var colors = theme();
    views.forEach(function (entry) {
      Object.keys(colors).forEach(function (name) { entry.view.signal(name, colors[name]); });
      entry.view.width(entry.plot.clientWidth).run();
      // The height follows from the number of panels and whether they are stacked.
      entry.view.height(entry.view.signal('height')).run();
    });
  }

  var waiting = 0;
  window.addEventListener('resize', function () {
    clearTimeout(waiting);
    waiting = setTimeout(paint, 60);
  });
  window.addEventListener('scroll', function () { tip.hidden = true; }, {passive: true});
  dark.addEventListener('change', paint);
  window.addEventListener('beforeprint', paint);
  window.addEventListener('afterprint', paint);
  paint();
})();
