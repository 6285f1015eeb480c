import { defineConfig } from 'vitest/config'

// Only in this repository: `warrenmq` is its own source here, not an installed package.
// oxlint-disable-next-line import/no-default-export -- vitest looks for it
export default defineConfig({
  // The example for jest needs nothing of jest but its globals, which vitest has as well.
  test: { include: ['examples/testing/{vitest.test.ts,jest.test.mjs}'], globals: true },
  resolve: { conditions: ['warren-source'] },
  ssr: { resolve: { conditions: ['warren-source'] } },
})
