/** Of sysexits.h, with the meanings that RabbitMQ's tools give them. */
export const EXIT = {
  ok: 0,
  /** A wrong command, option or number of arguments. */
  usage: 64,
  /** An argument that makes no sense, or a virtual host that is not there. */
  data: 65,
  /** A user that is not there. */
  noUser: 67,
  /** No node, or a node that says no. */
  unavailable: 69,
  software: 70,
  temporary: 75,
  /** The node does not let this user do it. */
  noPermission: 77,
  config: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
