import { defineTexts } from '../../i18n/language.ts'

export const texts = defineTexts(
  {
    title: 'Feature flags',
    lead: 'What the broker can do, by the names that tools ask for. On one node all that there is is always on.',
    flags: 'Feature flags',
    description: 'Description',
    stability: 'Stability',
    states: { enabled: 'enabled', disabled: 'disabled', unavailable: 'unavailable' },
    deprecated: 'Deprecated features in use',
    deprecatedHint: 'What RabbitMQ is going to give up, and something here makes use of.',
    noDeprecated: 'None is in use',
    phase: 'Phase',
    clusterName: 'Cluster name',
    clusterLead:
      'Tells brokers apart: in the console, in metrics, and for clients who ask. Federation knows a broker by it, too.',
    nameHelp: 'Seen by clients that connect from now on.',
    save: 'Save',
    saved: 'Cluster name saved',
  },
  {
    title: '特性标志',
    lead: '服务器具备的功能，以工具所用的名称列出。单节点上可用的功能始终开启。',
    flags: '特性标志',
    description: '描述',
    stability: '稳定性',
    states: { enabled: '已启用', disabled: '已禁用', unavailable: '不可用' },
    deprecated: '正在使用的已弃用特性',
    deprecatedHint: 'RabbitMQ 将要放弃、而此处仍在使用的特性。',
    noDeprecated: '没有使用',
    phase: '阶段',
    clusterName: '集群名称',
    clusterLead: '用于区分不同的服务器：显示在控制台、指标以及查询它的客户端中。联邦也据此识别服务器。',
    nameHelp: '此后连接的客户端会看到新名称。',
    save: '保存',
    saved: '集群名称已保存',
  },
)
