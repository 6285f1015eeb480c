/** As RabbitMQ writes times: `2026-11-26T03:30:42.926+00:00`. @param time ms since the epoch */
export const timeText = (time: number): string => new Date(time).toISOString().replace('Z', '+00:00')
