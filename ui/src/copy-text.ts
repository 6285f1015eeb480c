/**
 * Puts a text on the clipboard. Browsers give pages their clipboard over HTTPS and from the same machine only; elsewhere a text that is
 * selected can be copied as the user would.
 * @throws Error where the browser lets neither happen
 */
export async function copyText(text: string): Promise<void> {
  // unlike its type says
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard !== undefined) {
    await clipboard.writeText(text)
    return
  }
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true
  field.style.position = 'fixed'
  field.style.opacity = '0'
  const focused = document.activeElement as HTMLElement | null
  // nothing outside of an open dialog can be selected
  const place = focused?.closest('dialog') ?? document.body
  place.append(field)
  field.select()
  // deprecated, and without a successor here
  const isCopied = document.execCommand('copy')
  field.remove()
  focused?.focus()
  if (!isCopied) throw new Error('The browser does not let this page copy')
}
