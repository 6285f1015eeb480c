import { preconditionFailed } from '../core/errors.ts'

/** A list of tags, or a text with commas. @throws BrokerError `preconditionFailed` */
export function tagsOf(value: unknown): string[] {
  const tags: unknown = typeof value === 'string' ? value.split(',') : (value ?? [])
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) {
    throw preconditionFailed('tags are neither a list of texts nor a text')
  }
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))]
}
