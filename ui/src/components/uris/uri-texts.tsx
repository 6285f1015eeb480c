import './uri-texts.css'

/** The addresses of a parameter, one or several, for a cell of a table. */
export function UriTexts({ of: uris }: { readonly of: unknown }) {
  const given = Array.isArray(uris) ? uris : [uris]
  return (
    <>
      {given
        .filter((uri) => typeof uri === 'string')
        .map((uri) => (
          <p key={uri} class="uri-text small muted mono">
            {uri}
          </p>
        ))}
    </>
  )
}
