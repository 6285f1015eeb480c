import type { Watermark } from '../config/config.ts'
import { bytes } from '../config/option-types.ts'
import { OPTIONS } from '../config/options.ts'
import type { LogLevel } from '../telemetry/log.ts'
import { badRequest } from './api-error.ts'
import type { NodeControl } from './management-host.ts'
import type { Json } from './request-body.ts'

// What of a running node can be changed, in the terms of rabbitmqctl.

/** Changes to be made together; what is left out stays as it is. */
export interface SettingChanges {
  readonly memory?: Watermark
  readonly disk?: Watermark
  readonly logLevel?: LogLevel
}

const KEYS = ['vm_memory_high_watermark', 'disk_free_limit', 'log_level']

/** @throws ApiError 400 */
export function settingsFromJson(body: Json): SettingChanges {
  const unknown = Object.keys(body).filter((key) => !KEYS.includes(key))
  if (unknown.length > 0) {
    throw badRequest(`'${unknown[0]!}' cannot be set while the node runs: only ${KEYS.join(', ')} can`)
  }
  const { vm_memory_high_watermark: memory, disk_free_limit: disk, log_level: level } = body
  return {
    ...(memory !== undefined && { memory: memoryWatermark(memory) }),
    ...(disk !== undefined && { disk: diskWatermark(disk) }),
    ...(level !== undefined && { logLevel: logLevel(level) }),
  }
}

function memoryWatermark(value: unknown): Watermark {
  const { absolute, relative } = typeof value === 'object' && value !== null ? (value as Json) : { relative: value }
  if (absolute !== undefined) return { bytes: size('vm_memory_high_watermark', absolute), relativeToMemory: null }
  if (isShare(relative) && relative <= 1) return { bytes: null, relativeToMemory: relative }
  throw badRequest('vm_memory_high_watermark has to be a number from 0 to 1, or {"absolute": "2GB"}')
}

function diskWatermark(value: unknown): Watermark {
  if (typeof value !== 'object' || value === null)
    return { bytes: size('disk_free_limit', value), relativeToMemory: null }
  const { absolute, mem_relative: ofCommand, relative = ofCommand } = value as Json
  if (absolute !== undefined) return { bytes: size('disk_free_limit', absolute), relativeToMemory: null }
  if (isShare(relative)) return { bytes: null, relativeToMemory: relative }
  throw badRequest('disk_free_limit has to be a size such as "1GB", or {"mem_relative": 1.0}')
}

const isShare = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0

const sizeType = bytes()

function size(key: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  try {
    if (typeof value === 'string') return sizeType.parse(value)
  } catch (error) {
    throw badRequest(`${key}: '${value as string}' ${(error as Error).message}`)
  }
  throw badRequest(`${key} has to be a size such as "2GB", or a number of bytes`)
}

function logLevel(value: unknown): LogLevel {
  if (typeof value !== 'string') throw badRequest('log_level has to be a text')
  try {
    return OPTIONS.log.level.type.parse(value) as LogLevel
  } catch (error) {
    throw badRequest(`log_level: '${value}' ${(error as Error).message}`)
  }
}

const WORDS: Readonly<Record<LogLevel, string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  silent: 'none',
}

/** What is in force. */
export const settingsToJson = ({ limits, log }: NodeControl): Json => ({
  vm_memory_high_watermark: watermarkToJson(limits.memory),
  mem_limit: limits.memoryBytes,
  disk_free_limit: watermarkToJson(limits.disk),
  disk_free_limit_bytes: limits.diskFreeBytes,
  log_level: log === null ? null : WORDS[log.level],
})

const watermarkToJson = ({ bytes: absolute, relativeToMemory: relative }: Watermark): Json =>
  absolute === null ? { relative } : { absolute }
