/** A rabbit in its warren. */
export function Logo({ size = 26 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect class="logo-ground" width="32" height="32" rx="8" />
      <path
        class="logo-figure"
        d="M11 6c-2 0-3 3-2.4 6.5.3 1.7.9 3 1.6 3.9A7.5 7.5 0 0 0 8 21.5C8 25 11.6 27 16 27s8-2 8-5.5a7.5 7.5 0 0 0-2.2-5.1c.7-.9 1.3-2.2 1.6-3.9C24 9 23 6 21 6s-3 3-3.4 6.8a10 10 0 0 0-3.2 0C14 9 13 6 11 6z"
      />
      <circle class="logo-ground" cx="13" cy="20.5" r="1.4" />
      <circle class="logo-ground" cx="19" cy="20.5" r="1.4" />
    </svg>
  )
}
