// Shows the value of a chart that is under the pointer, beside the chart's title. Without this script
// the browser shows the same text as a tooltip.

for (const chart of document.querySelectorAll("figure.chart")) {
  const output = chart.querySelector("[data-under-pointer]");
  if (!output) continue;
  const show = (event) => {
    output.textContent = event.target.dataset?.label ?? "";
  };
  const plot = chart.querySelector("svg");
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", () => (output.textContent = ""));
}
