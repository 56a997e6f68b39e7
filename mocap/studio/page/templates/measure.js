/* Figures are drawn anew when printing starts, before the page has the width of the paper: their
   size is that of the style, and must not depend on it. */
{
  const resize = (size) => document.querySelectorAll(".plot").forEach((place) =>
    Plotly.relayout(place, size(place)));
  const paper = (place) => place.closest(".three") ? 350 : place.closest(".row") ? 530 : 1080;
  addEventListener("beforeprint", () => resize((place) => ({ width: paper(place), height: 280 })));
  addEventListener("afterprint", () => resize(() => ({ width: null, height: null })));
}
