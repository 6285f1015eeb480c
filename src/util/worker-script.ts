import { extname } from 'node:path'

/** The script of a thread that is beside a module: a .ts file when run from sources, a .js file when compiled. @param module its `import.meta.url` */
export const workerScript = (name: string, module: string): URL => new URL(`./${name}${extname(module)}`, module)
