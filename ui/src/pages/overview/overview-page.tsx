import { Page } from '../../components/page.tsx'
import { defineTexts } from '../../i18n/language.ts'

const texts = defineTexts({ title: 'Overview' }, { title: '概览' })

export function OverviewPage() {
  return <Page title={texts.value.title}>{null}</Page>
}
