/**
 * A path of the HTTP API with the values in it percent-encoded, as in ``route`/queues/${vhost}/${name}` ``: a virtual host is
 * usually called `/`.
 */
export function route(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((path, part, i) => path + encodeURIComponent(values[i - 1]!) + part)
}
