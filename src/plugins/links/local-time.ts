const two = (number: number): string => String(number).padStart(2, '0')

/** As RabbitMQ writes times of links: `2026-11-26 3:25:48`, local time. @param at ms since the epoch */
export function localTime(at: number): string {
  const date = new Date(at)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${date.getHours()}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
