// Numbers, prices and ages as people read them.

const LOCALE = "en";

export const count = (n) => new Intl.NumberFormat(LOCALE).format(n);

export const share = (part, whole) => (whole ? `${new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 }).format((100 * part) / whole)}%` : "–");

export const score = (value) => value.toFixed(value >= 0.0095 ? 2 : 3);

export function money(value, currency) {
  if (value === null || value === undefined) return "";
  try {
    return new Intl.NumberFormat(LOCALE, currency ? { style: "currency", currency } : { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
  } catch {
    return `${value.toFixed(2)} ${currency}`; // a shop's own currency code
  }
}

export function age(seconds) {
  if (seconds === null || seconds === undefined) return "of unknown age";
  const steps = [[86400, "d"], [3600, "h"], [60, "min"]];
  const step = steps.find(([size]) => seconds >= size);
  return step ? `${new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 }).format(seconds / step[0])} ${step[1]} old` : "just now";
}

export const day = (iso) => new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

export const nameOf = (item) => item.title || item.category.join(" › ") || item.item_id;

export const plural = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;
