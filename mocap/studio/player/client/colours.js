// One palette for sources, people and sides; hues that colour-blind readers tell apart (Okabe and Ito 2008).
export const SOURCES = { missing: "#8a8f96", measured: "#54718c", interpolated: "#e69f00", extrapolated: "#d55e00", lifted: "#cc79a7" };
export const PEOPLE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
export const SIDES = { left: "#0072b2", right: "#009e73", middle: "#8a8f96", stands: "#009e73" };

export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
