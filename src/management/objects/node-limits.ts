/** Some files stay for other things, and a share of the rest, as in RabbitMQ. */
export const socketsMax = (openFilesMax: number): number => Math.max(0, Math.floor((openFilesMax - 100) * 0.9))

/** Erlang has a limit of processes, and dashboards divide by it. */
export const PROCESSES_MAX = 1_048_576
