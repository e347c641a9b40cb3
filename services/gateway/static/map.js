// The map beside a list: one marker for each row that says where it is. Everything is in SWEREF 99 TM, so nothing is converted.
"use strict";
(() => {
  const box = document.getElementById("karta");
  const rows = [...document.querySelectorAll("[data-north]")];
  if (!box) return;
  const metres = new ol.proj.Projection({
    code: "EPSG:3006", units: "m", axisOrientation: "neu", extent: [-1200000, 4700000, 2600000, 8500000], getPointResolution: (resolution) => resolution,
  });
  ol.proj.addProjection(metres);
  const sign = (text) => Object.assign(document.createElement("span"), { textContent: text, ariaHidden: "true" }); // so that the name is the word
  const at = (row) => [Number(row.dataset.east), Number(row.dataset.north)];
  document.getElementById("karta-del").hidden = false;

  const layers = [];
  if (box.dataset.server) {
    const source = new ol.source.TileWMS({ url: box.dataset.server, params: { LAYERS: box.dataset.layers }, projection: metres });
    layers.push(new ol.layer.Tile({ source }));
  }
  const view = new ol.View({ projection: metres, center: rows.length ? at(rows[0]) : [532000, 6474000], resolution: 10, minResolution: 0.5, maxResolution: 400, enableRotation: false });
  const map = new ol.Map({
    target: box, layers, view,
    controls: [
      new ol.control.Zoom({ zoomInLabel: sign("+"), zoomOutLabel: sign("−"), zoomInTipLabel: "Zooma in", zoomOutTipLabel: "Zooma ut" }),
      new ol.control.ScaleLine({ units: "metric" }),
    ],
    interactions: ol.interaction.defaults.defaults({ onFocusOnly: true }), // the page scrolls on over a map that nobody has chosen
  });

  for (const row of rows) {
    const marker = document.createElement("button");
    marker.type = "button";
    marker.className = "los-marker";
    marker.textContent = row.dataset.number;
    marker.title = row.dataset.name;
    marker.ariaLabel = `${row.dataset.number}. ${row.dataset.name}: visa i listan`;
    marker.toggleAttribute("data-taken", row.hasAttribute("data-taken"));
    map.addOverlay(new ol.Overlay({ element: marker, position: at(row), positioning: "center-center", insertFirst: false }));
    const light = (on) => { for (const one of [marker, row]) one.toggleAttribute("data-lit", on); };
    marker.addEventListener("click", () => { row.scrollIntoView({ block: "nearest" }); row.focus({ preventScroll: true }); });
    for (const one of [marker, row]) {
      for (const kind of ["mouseenter", "focusin"]) one.addEventListener(kind, () => light(true));
      for (const kind of ["mouseleave", "focusout"]) one.addEventListener(kind, () => light(false));
    }
    marker.addEventListener("focus", () => {
      for (let part = marker.parentElement; part !== box; part = part.parentElement) part.scrollTop = part.scrollLeft = 0; // the map moves, not what is around it
      if (!ol.extent.containsCoordinate(view.calculateExtent(map.getSize()), at(row))) view.setCenter(at(row));
    });
  }
  if (rows.length) view.fit(ol.extent.boundingExtent(rows.map(at)), { padding: [40, 40, 40, 40], minResolution: 2 });
})();
