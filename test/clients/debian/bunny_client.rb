# Every part of the contract (contract.ts) with Bunny: ruby bunny_client.rb URL PREFIX MODE
require 'bunny'
require 'json'
require 'bigdecimal'

ADDRESS, PREFIX, MODE = ARGV
$stdout.sync = true

def name(suffix)
  PREFIX + suffix
end

def answer(part, value)
  puts JSON.generate({ part: part, value: value })
end

def connect(**options)
  plain = { log_level: Logger::FATAL, automatically_recover: false, recover_from_connection_close: false }
  Bunny.new(ADDRESS, **plain, **options).start
end

def confirming(connection)
  channel = connection.create_channel
  channel.confirm_select
  channel
end

# Exclusive, so that nothing of it outlives the connection.
def queue(channel, suffix, arguments = {})
  channel.queue_declare(name(suffix), exclusive: true, arguments: arguments).queue
end

def quorum(channel, suffix, arguments = {})
  channel.queue_declare(name(suffix), durable: true, arguments: { 'x-queue-type' => 'quorum' }.merge(arguments)).queue
end

# False: the broker refused it.
def publish(channel, queue, body, **properties)
  channel.basic_publish(body, '', queue, **properties)
  !channel.using_publisher_confirmations? || channel.wait_for_confirms
end

def drain(channel, queue)
  bodies = []
  loop do
    found, _, body = channel.basic_get(queue, manual_ack: false)
    return bodies if found.nil?

    bodies << body
  end
end

def consume(channel, queue, tag, no_ack)
  deliveries = Queue.new
  # With a tag from the broker, Bunny drops deliveries that come right behind it.
  tag = channel.generate_consumer_tag if tag.empty?
  channel.basic_consume(queue, tag, no_ack) { |delivery, properties, body| deliveries << [delivery, properties, body] }
  deliveries
end

def ready(channel, queue)
  channel.queue_declare(queue, passive: true).message_count
end

def server(connection)
  properties = connection.server_properties
  { product: properties['product'], capabilities: properties['capabilities'].select { |_, has| has }.keys.sort }
end

def declare(connection)
  channel = confirming(connection)
  counts = ->(declared) { [declared.message_count, declared.consumer_count] }
  classic = channel.queue_declare(name('classic'), durable: true)
  named = channel.queue_declare('', exclusive: true).queue
  of_quorum = channel.queue_declare(name('quorum'), durable: true, arguments: { 'x-queue-type' => 'quorum' })
  publish(channel, classic.queue, '1')
  publish(channel, classic.queue, '2')
  again = channel.queue_declare(name('classic'), durable: true)
  purged = channel.queue_purge(classic.queue).message_count
  publish(channel, classic.queue, '3')
  deleted = channel.queue_delete(classic.queue).message_count
  channel.queue_delete(of_quorum.queue)
  { classic: counts.(classic), quorum: counts.(of_quorum), again: counts.(again), purged: purged, deleted: deleted,
    serverNamed: [named[0, 8], named.length] }
end

def routing(connection)
  channel = confirming(connection)
  kinds = %w[direct fanout topic headers]
  kinds.each do |kind|
    channel.exchange_declare(name(kind), kind)
    queue(channel, "of-#{kind}")
  end
  channel.queue_bind(name('of-direct'), name('direct'), routing_key: 'red')
  channel.queue_bind(name('of-fanout'), name('fanout'))
  channel.queue_bind(name('of-topic'), name('topic'), routing_key: 'a.*.c')
  channel.queue_bind(name('of-topic'), name('topic'), routing_key: '#.z')
  matching = { 'x-match' => 'any', 'color' => 'red', 'size' => 1 }
  channel.queue_bind(name('of-headers'), name('headers'), arguments: matching)
  channel.exchange_declare(name('alternate'), 'fanout')
  queue(channel, 'of-alternate')
  channel.queue_bind(name('of-alternate'), name('alternate'))
  channel.exchange_declare(name('first'), 'direct', arguments: { 'alternate-exchange' => name('alternate') })
  channel.exchange_bind(name('first'), name('fanout'), routing_key: 'onwards')
  %w[red blue].each { |key| channel.basic_publish(key, name('direct'), key) }
  %w[a.b.c a.c x.y.z z a.b.b.c].each { |key| channel.basic_publish(key, name('topic'), key) }
  { 'color' => { color: 'red' }, 'size' => { size: 1 }, 'none' => { color: 'blue' } }.each do |body, headers|
    channel.basic_publish(body, name('headers'), '', headers: headers)
  end
  channel.basic_publish('bound', name('first'), 'onwards')
  channel.basic_publish('unbound', name('first'), 'elsewhere')
  channel.wait_for_confirms
  found = [*kinds, 'alternate'].to_h { |kind| [kind, drain(channel, name("of-#{kind}"))] }
  [*kinds, 'alternate', 'first'].each { |exchange| channel.exchange_delete(name(exchange)) }
  found
end

def confirms(connection)
  channel = confirming(connection)
  plain = queue(channel, 'confirmed')
  10.times { channel.basic_publish('x', '', plain) }
  raise 'not all were confirmed' unless channel.wait_for_confirms

  limited = queue(channel, 'limited', 'x-max-length' => 1, 'x-overflow' => 'reject-publish')
  outcomes = Array.new(3) { publish(channel, limited, 'x') ? 'ack' : 'nack' }
  { acked: drain(channel, plain).length, limited: outcomes }
end

def mandatory(connection)
  channel = connection.create_channel
  returned = Queue.new
  channel.default_exchange.on_return { |info, _, body| returned << [info, body] }
  channel.basic_publish('lost', '', name('nowhere'), mandatory: true)
  info, body = returned.pop
  { code: info.reply_code, text: info.reply_text, key: info.routing_key, body: body }
end

def settle(connection)
  channel = confirming(connection)
  target = queue(channel, 'settled')
  %w[a b c].each { |body| publish(channel, target, body) }
  channel.basic_qos(1)
  seen = []
  deliveries = consume(channel, target, 'settler', false)
  until seen.any? { |body, _| body == 'c' }
    delivery, _, body = deliveries.pop
    seen << [body, delivery.redelivered?]
    if body != 'b' then channel.basic_ack(delivery.delivery_tag.to_i, false)
    elsif delivery.redelivered? then channel.basic_reject(delivery.delivery_tag.to_i, false)
    else channel.basic_nack(delivery.delivery_tag.to_i, false, true)
    end
  end
  channel.basic_cancel('settler')
  %w[d e f].each { |body| publish(channel, target, body) }
  tags = Array.new(3) { channel.basic_get(target, manual_ack: true).first.delivery_tag.to_i }
  channel.basic_ack(tags[1], true)
  channel.close
  { seen: seen, left: drain(connection.create_channel, target) }
end

def prefetch(connection)
  channel = confirming(connection)
  target = queue(channel, 'prefetched')
  5.times { |i| publish(channel, target, i.to_s) }
  channel.basic_qos(2)
  deliveries = consume(channel, target, '', false)
  first = deliveries.pop
  second = deliveries.pop
  before = ready(channel, target)
  channel.basic_ack(first[0].delivery_tag.to_i, false)
  third = deliveries.pop
  { seen: [first, second, third].map(&:last), ready: [before, ready(channel, target)] }
end

def burial(burials)
  _, properties, body = burials.pop
  death = properties.headers['x-death'].first
  { body: body, reason: death['reason'], first: properties.headers['x-first-death-reason'], queue: death['queue'],
    exchange: death['exchange'], keys: death['routing-keys'], count: death['count'], ttl: death['original-expiration'] }
end

def dead_letter(connection)
  channel = confirming(connection)
  graves = name('graves')
  channel.exchange_declare(graves, 'fanout')
  channel.queue_bind(queue(channel, 'dead'), graves)
  burials = consume(connection.create_channel, name('dead'), '', true)
  expiring = queue(channel, 'expiring', 'x-dead-letter-exchange' => graves, 'x-message-ttl' => 1)
  rejecting = queue(channel, 'rejecting', 'x-dead-letter-exchange' => graves, 'x-dead-letter-routing-key' => 'other')
  full = queue(channel, 'full', 'x-dead-letter-exchange' => graves, 'x-max-length' => 1)
  tried = quorum(channel, 'tried', 'x-dead-letter-exchange' => graves, 'x-delivery-limit' => 1)
  found = []
  publish(channel, expiring, 'by queue')
  found << burial(burials)
  publish(channel, rejecting, 'by itself', expiration: '1')
  found << burial(burials)
  publish(channel, rejecting, 'by hand')
  channel.basic_reject(channel.basic_get(rejecting, manual_ack: true).first.delivery_tag.to_i, false)
  found << burial(burials)
  publish(channel, full, 'pushed out')
  publish(channel, full, 'kept')
  found << burial(burials)
  publish(channel, tried, 'too often')
  trials = consume(channel, tried, '', false)
  attempts = Array.new(2) do
    delivery, properties, = trials.pop
    channel.basic_reject(delivery.delivery_tag.to_i, true)
    properties.headers&.fetch('x-delivery-count', nil)
  end
  found << burial(burials)
  channel.queue_delete(tried)
  channel.exchange_delete(graves)
  { found: found, attempts: attempts }
end

def rpc(connection)
  client = connection.create_channel
  worker = connection.create_channel
  requests = consume(worker, queue(worker, 'requests'), '', true)
  replies = consume(client, 'amq.rabbitmq.reply-to', '', true)
  publish(client, name('requests'), 'ping', reply_to: 'amq.rabbitmq.reply-to', correlation_id: '42')
  _, properties, body = requests.pop
  publish(worker, properties.reply_to, "re: #{body}", correlation_id: properties.correlation_id)
  _, about_reply, reply = replies.pop
  { address: properties.reply_to[0, 'amq.rabbitmq.reply-to.'.length], reply: [reply, about_reply.correlation_id] }
end

def cancelled(connection)
  channel = connection.create_channel
  notices = Queue.new
  target = queue(channel, 'vanishing')
  consumer = Bunny::Consumer.new(channel, target, 'watcher', false)
  consumer.on_cancellation { |notice| notices << notice.consumer_tag }
  channel.basic_consume_with(consumer)
  connection.create_channel.queue_delete(target)
  notices.pop
end

def priorities(connection)
  channel = confirming(connection)
  target = queue(channel, 'ranked', 'x-max-priority' => 5)
  [nil, 1, 9, 3, 5].each { |priority| publish(channel, target, priority.to_i.to_s, **{ priority: priority }.compact) }
  drain(channel, target)
end

def transaction(connection)
  channel = connection.create_channel
  watching = connection.create_channel
  target = queue(channel, 'transacted')
  channel.tx_select
  publish(channel, target, '1')
  publish(channel, target, '2')
  before = ready(watching, target)
  channel.tx_commit
  committed = ready(watching, target)
  publish(channel, target, '3')
  channel.tx_rollback
  { before: before, committed: committed, rolledBack: ready(watching, target) }
end

def large(connection)
  channel = confirming(connection)
  target = queue(channel, 'large')
  body = Array.new(1024) { |i| i * 7 % 256 }.pack('C*') * 1024
  publish(channel, target, body)
  received = channel.basic_get(target, manual_ack: false).last
  { length: received.bytesize, same: received.b == body.b }
end

def properties(connection)
  channel = confirming(connection)
  target = queue(channel, 'properties')
  publish(channel, target, 'x', content_type: 'text/plain', content_encoding: 'utf-8', persistent: true, priority: 7,
                                correlation_id: 'c-1', reply_to: 'somewhere', expiration: '60000', message_id: 'm-1',
                                timestamp: 1_700_000_000, type: 'greeting', user_id: 'guest', app_id: 'contract')
  received = channel.basic_get(target, manual_ack: false)[1].to_h
  received.merge(timestamp: received[:timestamp].to_i)
end

def headers(connection)
  channel = confirming(connection)
  target = queue(channel, 'headers')
  publish(channel, target, 'x', headers: {
            'string' => 'grüße', 'int' => 42, 'negative' => -7, 'long' => 1 << 40, 'bool' => true, 'double' => 2.5,
            'table' => { 'inner' => 'x', 'deeper' => { 'n' => 1 } }, 'array' => [1, 'two', false],
            'time' => Time.at(1_700_000_000), 'void' => nil, 'float' => AMQ::Protocol::Float32Bit.new(0.5)
          })
  received = channel.basic_get(target, manual_ack: false)[1][:headers]
  received.merge('time' => received['time'].to_i, 'string' => received['string'].dup.force_encoding('UTF-8'))
end

# What the broker says when it closes the channel.
def attempt(connection)
  close = nil
  channel = connection.create_channel
  channel.on_error { |_, reason| close = reason }
  begin
    yield channel
  rescue Bunny::ChannelLevelException => e
    close = e.channel_close
  end
  # After a method without an answer, Bunny keeps the reason for the next call.
  sleep 0.005 until (close ||= channel.instance_variable_get(:@last_channel_error)&.channel_close)
  [close.reply_code, close.reply_text]
end

# What the broker answers to mistakes that cost the channel.
def errors(connection)
  other = connect
  shared = name('shared')
  missing = name('missing')
  connection.create_channel.queue_declare(shared, durable: true)
  locked = queue(connection.create_channel, 'locked')
  mistakes = {
    'queue missing' => ->(channel) { channel.queue_declare(missing, passive: true) },
    'exchange missing' => ->(channel) { channel.exchange_declare(missing, 'direct', passive: true) },
    'other durability' => ->(channel) { channel.queue_declare(shared) },
    'other argument' => ->(channel) { channel.queue_declare(shared, durable: true, arguments: { 'x-max-length' => 5 }) },
    'other exchange type' => ->(channel) { channel.exchange_declare('amq.direct', 'fanout', durable: true) },
    'reserved name' => ->(channel) { channel.queue_declare('amq.mine') },
    'bad argument' => ->(channel) { channel.queue_declare(name('bad'), arguments: { 'x-message-ttl' => -1 }) },
    'transient quorum' => ->(channel) { channel.queue_declare(name('bad'), arguments: { 'x-queue-type' => 'quorum' }) },
    'bind to nothing' => ->(channel) { channel.queue_bind(shared, missing, routing_key: 'k') },
    'consume from nothing' => ->(channel) { channel.basic_consume(missing, 'mine') },
    'default exchange' => ->(channel) { channel.exchange_delete('') },
    'unknown tag' => ->(channel) { channel.basic_ack(99, false) },
    'publish to nothing' => ->(channel) { channel.basic_publish('x', missing, 'k') },
    'bad expiration' => ->(channel) { channel.basic_publish('x', '', shared, expiration: 'soon') }
  }
  found = mistakes.transform_values { |mistake| attempt(connection, &mistake) }
  found['locked'] = attempt(other) { |channel| channel.queue_declare(locked, passive: true) }
  connection.create_channel.queue_delete(shared)
  other.close
  found
end

# What the broker answers to mistakes that cost the connection.
def fatal_errors(_connection)
  refused = lambda do |options|
    connect(**options)
    nil
  rescue Bunny::AuthenticationFailureError, Bunny::NotAllowedError => e
    e.message
  end
  # Bunny hands the close of a connection to this handler, and lets the caller wait for an answer that never comes.
  fatal = lambda do |mistake|
    heard = Queue.new
    connection = connect(session_error_handler: Class.new { define_method(:raise) { |error| heard << error } }.new)
    Thread.new(connection.create_channel, &mistake).report_on_exception = false
    close = heard.pop.connection_close
    [close.reply_code, close.reply_text]
  end
  twice = lambda do |channel|
    target = queue(channel, 'twice')
    2.times { channel.basic_consume(target, 'twice') }
  end
  { 'wrong password' => refused.({ password: 'wrong' }), 'no such vhost' => refused.({ vhost: 'nowhere' }),
    'tag used twice' => fatal.(twice) }
end

# The library connects again by itself, and restores its queue and consumer.
def closed_by_server(_connection)
  recovered = Queue.new
  connection = Bunny.new(ADDRESS, log_level: Logger::FATAL, connection_name: name('connection-to-close'),
                                  network_recovery_interval: 0.1, recover_from_connection_close: true,
                                  recovery_completed: -> { recovered << true })
  connection.start
  channel = connection.create_channel
  deliveries = Queue.new
  channel.queue(name('survivor'), exclusive: true).subscribe { |_, _, body| deliveries << body }
  answer('please close', name('connection-to-close'))
  recovered.pop
  channel.basic_publish('after', '', name('survivor'))
  { bodies: [deliveries.pop] }
end

def heartbeat
  connection = connect(heartbeat: 2)
  sleep 6.5
  connection.create_channel
  { heartbeat: connection.heartbeat, open: connection.open? }
end

def tls
  connection = connect(tls_ca_certificates: [ENV.fetch('CA_FILE')], verify_peer: true)
  channel = confirming(connection)
  target = queue(channel, 'secret')
  publish(channel, target, 'sealed')
  drain(channel, target)
end

PARTS = {
  'server' => :server, 'declare' => :declare, 'routing' => :routing, 'confirms' => :confirms, 'mandatory' => :mandatory,
  'settle' => :settle, 'prefetch' => :prefetch, 'dead letter' => :dead_letter, 'rpc' => :rpc, 'cancelled' => :cancelled,
  'priorities' => :priorities, 'transaction' => :transaction, 'large' => :large, 'properties' => :properties,
  'headers' => :headers, 'errors' => :errors, 'fatal errors' => :fatal_errors, 'closed by server' => :closed_by_server
}.freeze

case MODE
when 'heartbeat' then answer('heartbeat', heartbeat)
when 'tls' then answer('tls', tls)
else
  shared_connection = connect
  PARTS.each { |part, run| answer(part, send(run, shared_connection)) }
  shared_connection.close
end
