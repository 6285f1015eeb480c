<?php

// Every part of the contract (contract.ts) with php-amqplib: php amqplib_client.php URL PREFIX MODE

require_once 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AbstractConnection;
use PhpAmqpLib\Connection\AMQPConnectionConfig;
use PhpAmqpLib\Connection\AMQPSSLConnection;
use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPProtocolException;
use PhpAmqpLib\Exception\AMQPTimeoutException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPDecimal;
use PhpAmqpLib\Wire\AMQPTable;

[, $url, $prefix, $mode] = $argv;

function name(string $suffix): string
{
    return $GLOBALS['prefix'] . $suffix;
}

function answer(string $part, $value): void
{
    echo json_encode(['part' => $part, 'value' => $value], JSON_THROW_ON_ERROR), "\n";
}

/** Logs in by AMQPLAIN, as the library does by default. */
function connect(array $options = []): AbstractConnection
{
    $at = parse_url($GLOBALS['url']);
    $options += ['password' => $at['pass'], 'vhost' => '/', 'mechanism' => 'AMQPLAIN', 'heartbeat' => 0];
    return new AMQPStreamConnection(
        $at['host'],
        $at['port'],
        $at['user'],
        $options['password'],
        $options['vhost'],
        false,
        $options['mechanism'],
        null,
        'en_US',
        30.0,
        60.0,
        null,
        false,
        $options['heartbeat'],
        0.0,
        null,
        $options['config'] ?? null
    );
}

function confirming(AbstractConnection $connection): AMQPChannel
{
    $channel = $connection->channel();
    $channel->confirm_select();
    return $channel;
}

/** Exclusive, so that nothing of it outlives the connection. */
function queue(AMQPChannel $channel, string $suffix, array $arguments = []): string
{
    return $channel->queue_declare(name($suffix), false, false, true, false, false, new AMQPTable($arguments))[0];
}

/** False: the broker refused it. */
function publish(AMQPChannel $channel, string $queue, string $body, array $properties = []): bool
{
    $acked = true;
    $channel->set_nack_handler(function () use (&$acked) {
        $acked = false;
    });
    $channel->basic_publish(new AMQPMessage($body, $properties), '', $queue);
    $channel->wait_for_pending_acks(30);
    return $acked;
}

function drain(AMQPChannel $channel, string $queue): array
{
    $bodies = [];
    while ($message = $channel->basic_get($queue, true)) {
        $bodies[] = $message->getBody();
    }
    return $bodies;
}

/** An array that fills while the channel waits. */
function consume(AMQPChannel $channel, string $queue, string $tag, bool $noAck): ArrayObject
{
    $deliveries = new ArrayObject();
    $onMessage = function (AMQPMessage $message) use ($deliveries) {
        $deliveries->append($message);
    };
    $channel->basic_consume($queue, $tag, false, $noAck, false, false, $onMessage);
    return $deliveries;
}

function take(AMQPChannel $channel, ArrayObject $deliveries, int $index): AMQPMessage
{
    while (count($deliveries) <= $index) {
        $channel->wait(null, false, 30);
    }
    return $deliveries[$index];
}

function ready(AMQPChannel $channel, string $queue): int
{
    return $channel->queue_declare($queue, true)[1];
}

function headersOf(AMQPMessage $message): array
{
    return $message->has('application_headers') ? $message->get('application_headers')->getNativeData() : [];
}

function server(AbstractConnection $connection): array
{
    $properties = $connection->getServerProperties();
    $capabilities = array_keys(array_filter($properties['capabilities'][1]));
    sort($capabilities);
    return ['product' => $properties['product'][1], 'capabilities' => $capabilities];
}

function declareQueues(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $quorum = new AMQPTable(['x-queue-type' => 'quorum']);
    $classic = $channel->queue_declare(name('classic'), false, true, false, false);
    $named = $channel->queue_declare('', false, false, true, false)[0];
    $ofQuorum = $channel->queue_declare(name('quorum'), false, true, false, false, false, $quorum);
    publish($channel, $classic[0], '1');
    publish($channel, $classic[0], '2');
    $again = $channel->queue_declare(name('classic'), false, true, false, false);
    $purged = $channel->queue_purge($classic[0]);
    publish($channel, $classic[0], '3');
    $deleted = $channel->queue_delete($classic[0]);
    $channel->queue_delete($ofQuorum[0]);
    return [
        'classic' => array_slice($classic, 1),
        'quorum' => array_slice($ofQuorum, 1),
        'again' => array_slice($again, 1),
        'purged' => $purged,
        'deleted' => $deleted,
        'serverNamed' => [substr($named, 0, 8), strlen($named)],
    ];
}

function routing(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $kinds = ['direct', 'fanout', 'topic', 'headers'];
    foreach ($kinds as $kind) {
        $channel->exchange_declare(name($kind), $kind, false, false, false);
        queue($channel, "of-$kind");
    }
    $channel->queue_bind(name('of-direct'), name('direct'), 'red');
    $channel->queue_bind(name('of-fanout'), name('fanout'));
    $channel->queue_bind(name('of-topic'), name('topic'), 'a.*.c');
    $channel->queue_bind(name('of-topic'), name('topic'), '#.z');
    $matching = new AMQPTable(['x-match' => 'any', 'color' => 'red', 'size' => 1]);
    $channel->queue_bind(name('of-headers'), name('headers'), '', false, $matching);
    $channel->exchange_declare(name('alternate'), 'fanout', false, false, false);
    queue($channel, 'of-alternate');
    $channel->queue_bind(name('of-alternate'), name('alternate'));
    $alternate = new AMQPTable(['alternate-exchange' => name('alternate')]);
    $channel->exchange_declare(name('first'), 'direct', false, false, false, false, false, $alternate);
    $channel->exchange_bind(name('fanout'), name('first'), 'onwards');
    foreach (['red', 'blue'] as $key) {
        $channel->basic_publish(new AMQPMessage($key), name('direct'), $key);
    }
    foreach (['a.b.c', 'a.c', 'x.y.z', 'z', 'a.b.b.c'] as $key) {
        $channel->basic_publish(new AMQPMessage($key), name('topic'), $key);
    }
    foreach (['color' => ['color' => 'red'], 'size' => ['size' => 1], 'none' => ['color' => 'blue']] as $body => $table) {
        $message = new AMQPMessage($body, ['application_headers' => new AMQPTable($table)]);
        $channel->basic_publish($message, name('headers'));
    }
    $channel->basic_publish(new AMQPMessage('bound'), name('first'), 'onwards');
    $channel->basic_publish(new AMQPMessage('unbound'), name('first'), 'elsewhere');
    $channel->wait_for_pending_acks(30);
    $found = [];
    foreach ([...$kinds, 'alternate'] as $kind) {
        $found[$kind] = drain($channel, name("of-$kind"));
        $channel->exchange_delete(name($kind));
    }
    $channel->exchange_delete(name('first'));
    return $found;
}

function confirms(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $plain = queue($channel, 'confirmed');
    $acked = 0;
    $channel->set_ack_handler(function () use (&$acked) {
        $acked++;
    });
    for ($i = 0; $i < 10; $i++) {
        $channel->basic_publish(new AMQPMessage('x'), '', $plain);
    }
    $channel->wait_for_pending_acks(30);
    $limited = queue($channel, 'limited', ['x-max-length' => 1, 'x-overflow' => 'reject-publish']);
    $outcomes = [];
    for ($i = 0; $i < 3; $i++) {
        $outcomes[] = publish($channel, $limited, 'x') ? 'ack' : 'nack';
    }
    return ['acked' => min($acked, 10), 'limited' => $outcomes];
}

function mandatory(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $returned = null;
    $channel->set_return_listener(function ($code, $text, $exchange, $key, $message) use (&$returned) {
        $returned = ['code' => $code, 'text' => $text, 'key' => $key, 'body' => $message->getBody()];
    });
    $channel->basic_publish(new AMQPMessage('lost'), '', name('nowhere'), true);
    $channel->wait_for_pending_acks_returns(30);
    return $returned;
}

function settle(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'settled');
    foreach (['a', 'b', 'c'] as $body) {
        publish($channel, $target, $body);
    }
    $channel->basic_qos(0, 1, false);
    $deliveries = consume($channel, $target, 'settler', false);
    $seen = [];
    do {
        $message = take($channel, $deliveries, count($seen));
        $body = $message->getBody();
        $seen[] = [$body, $message->isRedelivered()];
        if ($body !== 'b') {
            $message->ack();
        } elseif ($message->isRedelivered()) {
            $message->reject(false);
        } else {
            $message->nack(true);
        }
    } while ($body !== 'c');
    $channel->basic_cancel('settler');
    foreach (['d', 'e', 'f'] as $body) {
        publish($channel, $target, $body);
    }
    $channel->basic_get($target);
    $second = $channel->basic_get($target);
    $channel->basic_get($target);
    $second->ack(true);
    $channel->close();
    return ['seen' => $seen, 'left' => drain($connection->channel(), $target)];
}

function prefetch(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'prefetched');
    for ($i = 0; $i < 5; $i++) {
        publish($channel, $target, (string) $i);
    }
    $channel->basic_qos(0, 2, false);
    $deliveries = consume($channel, $target, '', false);
    take($channel, $deliveries, 1);
    $before = ready($channel, $target);
    $deliveries[0]->ack();
    take($channel, $deliveries, 2);
    $seen = array_map(fn ($message) => $message->getBody(), $deliveries->getArrayCopy());
    return ['seen' => $seen, 'ready' => [$before, ready($channel, $target)]];
}

function deadLetter(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $graves = name('graves');
    $channel->exchange_declare($graves, 'fanout', false, false, false);
    $channel->queue_bind(queue($channel, 'dead'), $graves);
    $burying = $connection->channel();
    $burials = consume($burying, name('dead'), '', true);
    $found = [];
    $bury = function () use ($burying, $burials, &$found) {
        $message = take($burying, $burials, count($found));
        $headers = headersOf($message);
        $death = $headers['x-death'][0];
        $found[] = [
            'body' => $message->getBody(),
            'reason' => $death['reason'],
            'first' => $headers['x-first-death-reason'],
            'queue' => $death['queue'],
            'exchange' => $death['exchange'],
            'keys' => $death['routing-keys'],
            'count' => $death['count'],
            'ttl' => $death['original-expiration'] ?? null,
        ];
    };
    $to = ['x-dead-letter-exchange' => $graves];
    $expiring = queue($channel, 'expiring', $to + ['x-message-ttl' => 1]);
    $rejecting = queue($channel, 'rejecting', $to + ['x-dead-letter-routing-key' => 'other']);
    $full = queue($channel, 'full', $to + ['x-max-length' => 1]);
    $limits = new AMQPTable($to + ['x-queue-type' => 'quorum', 'x-delivery-limit' => 1]);
    $tried = $channel->queue_declare(name('tried'), false, true, false, false, false, $limits)[0];
    publish($channel, $expiring, 'by queue');
    $bury();
    publish($channel, $rejecting, 'by itself', ['expiration' => '1']);
    $bury();
    publish($channel, $rejecting, 'by hand');
    $channel->basic_get($rejecting)->reject(false);
    $bury();
    publish($channel, $full, 'pushed out');
    publish($channel, $full, 'kept');
    $bury();
    publish($channel, $tried, 'too often');
    $trials = consume($channel, $tried, '', false);
    $attempts = [];
    while (count($attempts) < 2) {
        $message = take($channel, $trials, count($attempts));
        $attempts[] = headersOf($message)['x-delivery-count'] ?? null;
        $message->reject(true);
    }
    $bury();
    $channel->queue_delete($tried);
    $channel->exchange_delete($graves);
    return ['found' => $found, 'attempts' => $attempts];
}

function rpc(AbstractConnection $connection): array
{
    $client = $connection->channel();
    $worker = $connection->channel();
    $requests = consume($worker, queue($worker, 'requests'), '', true);
    $replies = consume($client, 'amq.rabbitmq.reply-to', '', true);
    publish($client, name('requests'), 'ping', ['reply_to' => 'amq.rabbitmq.reply-to', 'correlation_id' => '42']);
    $request = take($worker, $requests, 0);
    $address = $request->get('reply_to');
    publish($worker, $address, 're: ' . $request->getBody(), ['correlation_id' => $request->get('correlation_id')]);
    $reply = take($client, $replies, 0);
    return [
        'address' => substr($address, 0, strlen('amq.rabbitmq.reply-to.')),
        'reply' => [$reply->getBody(), $reply->get('correlation_id')],
    ];
}

function cancelled(AbstractConnection $connection): string
{
    $channel = $connection->channel();
    $target = queue($channel, 'vanishing');
    consume($channel, $target, 'watcher', false);
    $connection->channel()->queue_delete($target);
    try {
        $channel->wait(null, false, 30);
    } catch (AMQPBasicCancelException $error) {
        return $error->consumerTag;
    }
}

function priorities(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'ranked', ['x-max-priority' => 5]);
    foreach ([null, 1, 9, 3, 5] as $priority) {
        publish($channel, $target, (string) (int) $priority, $priority === null ? [] : ['priority' => $priority]);
    }
    return drain($channel, $target);
}

function transaction(AbstractConnection $connection): array
{
    $channel = $connection->channel();
    $watching = $connection->channel();
    $target = queue($channel, 'transacted');
    $channel->tx_select();
    $channel->basic_publish(new AMQPMessage('1'), '', $target);
    $channel->basic_publish(new AMQPMessage('2'), '', $target);
    $before = ready($watching, $target);
    $channel->tx_commit();
    $committed = ready($watching, $target);
    $channel->basic_publish(new AMQPMessage('3'), '', $target);
    $channel->tx_rollback();
    return ['before' => $before, 'committed' => $committed, 'rolledBack' => ready($watching, $target)];
}

function large(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'large');
    $body = str_repeat(implode('', array_map(fn ($i) => chr($i * 7 % 256), range(0, 1023))), 1024);
    publish($channel, $target, $body);
    $received = $channel->basic_get($target, true)->getBody();
    return ['length' => strlen($received), 'same' => $received === $body];
}

function properties(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'properties');
    $sent = [
        'content_type' => 'text/plain',
        'content_encoding' => 'utf-8',
        'delivery_mode' => 2,
        'priority' => 7,
        'correlation_id' => 'c-1',
        'reply_to' => 'somewhere',
        'expiration' => '60000',
        'message_id' => 'm-1',
        'timestamp' => 1700000000,
        'type' => 'greeting',
        'user_id' => 'guest',
        'app_id' => 'contract',
    ];
    publish($channel, $target, 'x', $sent);
    return $channel->basic_get($target, true)->get_properties();
}

function headers(AbstractConnection $connection): array
{
    $channel = confirming($connection);
    $target = queue($channel, 'headers');
    $table = new AMQPTable([
        'string' => 'grüße',
        'int' => 42,
        'negative' => -7,
        'long' => 1 << 40,
        'bool' => true,
        'double' => 2.5,
        'table' => ['inner' => 'x', 'deeper' => ['n' => 1]],
        'array' => [1, 'two', false],
        'time' => new DateTime('@1700000000'),
        'void' => null,
        'decimal' => new AMQPDecimal(314, 2),
    ]);
    $table->set('bytes', "\x00\xff", AMQPTable::T_BYTES);
    publish($channel, $target, 'x', ['application_headers' => $table]);
    $received = $channel->basic_get($target, true)->get('application_headers');
    $found = [];
    foreach ($received as $key => [, $value]) {
        $found[$key] = is_object($value) && method_exists($value, 'getNativeData') ? $value->getNativeData() : $value;
    }
    $found['bytes'] = array_map('ord', str_split($found['bytes']));
    $found['decimal'] = number_format($found['decimal']->getN() / 10 ** $found['decimal']->getE(), 2);
    // It sends numbers with a fraction as text.
    $found['double'] = (float) $found['double'];
    $found['bool'] = (bool) $found['bool'];
    return $found;
}

/** What the broker says when it closes the channel, or the connection. */
function attempt(AMQPChannel $channel, callable $mistake): array
{
    try {
        $mistake($channel);
        // Methods without an answer are complained about later.
        $channel->wait(null, false, 30);
    } catch (AMQPProtocolException | AMQPConnectionClosedException $error) {
        return [$error->getCode(), $error->getMessage()];
    }
}

/** What the broker answers to mistakes that cost the channel. */
function errors(AbstractConnection $connection): array
{
    $other = connect();
    $shared = name('shared');
    $missing = name('missing');
    $connection->channel()->queue_declare($shared, false, true, false, false);
    $locked = queue($connection->channel(), 'locked');
    $declare = fn (string $queue, bool $durable, array $arguments) => fn ($channel) =>
        $channel->queue_declare($queue, false, $durable, false, false, false, new AMQPTable($arguments));
    $mistakes = [
        'queue missing' => fn ($channel) => $channel->queue_declare($missing, true),
        'exchange missing' => fn ($channel) => $channel->exchange_declare($missing, 'direct', true),
        'other durability' => $declare($shared, false, []),
        'other argument' => $declare($shared, true, ['x-max-length' => 5]),
        'other exchange type' => fn ($channel) => $channel->exchange_declare('amq.direct', 'fanout', false, true, false),
        'reserved name' => $declare('amq.mine', false, []),
        'bad argument' => $declare(name('bad'), false, ['x-message-ttl' => -1]),
        'transient quorum' => $declare(name('bad'), false, ['x-queue-type' => 'quorum']),
        'bind to nothing' => fn ($channel) => $channel->queue_bind($shared, $missing, 'k'),
        'consume from nothing' => fn ($channel) => consume($channel, $missing, '', false),
        'default exchange' => fn ($channel) => $channel->exchange_delete(''),
        'unknown tag' => fn ($channel) => $channel->basic_ack(99),
        'publish to nothing' => fn ($channel) => $channel->basic_publish(new AMQPMessage('x'), $missing, 'k'),
        'bad expiration' => fn ($channel) =>
            $channel->basic_publish(new AMQPMessage('x', ['expiration' => 'soon']), '', $shared),
    ];
    $found = array_map(fn ($mistake) => attempt($connection->channel(), $mistake), $mistakes);
    $found['locked'] = attempt($other->channel(), fn ($channel) => $channel->queue_declare($locked, true));
    $connection->channel()->queue_delete($shared);
    $other->close();
    return $found;
}

/** What the broker answers to mistakes that cost the connection. */
function fatalErrors(): array
{
    $refused = function (array $options): array {
        try {
            connect($options);
        } catch (AMQPConnectionClosedException $error) {
            return [$error->getCode(), $error->getMessage()];
        }
    };
    $twice = function (AMQPChannel $channel) {
        $target = queue($channel, 'twice');
        consume($channel, $target, 'twice', false);
        $channel->callbacks = [];
        consume($channel, $target, 'twice', false);
    };
    return [
        'wrong password' => $refused(['password' => 'wrong', 'mechanism' => 'PLAIN']),
        'wrong password by AMQPLAIN' => $refused(['password' => 'wrong']),
        'no such vhost' => $refused(['vhost' => 'nowhere']),
        'tag used twice' => attempt(connect()->channel(), $twice),
        'prefetch size' => attempt(connect()->channel(), fn ($channel) => $channel->basic_qos(10, 0, false)),
    ];
}

function closedByServer(): array
{
    $config = new AMQPConnectionConfig();
    $config->setConnectionName(name('connection-to-close'));
    $connection = connect(['config' => $config]);
    $channel = $connection->channel();
    $survivor = $channel->queue_declare(name('survivor'), false, true, false, false)[0];
    consume($channel, $survivor, '', false);
    answer('please close', name('connection-to-close'));
    $closed = attempt($channel, fn () => null);
    $connection->reconnect();
    $again = confirming($connection);
    publish($again, $survivor, 'after');
    $bodies = drain($again, $survivor);
    $again->queue_delete($survivor);
    return ['closed' => $closed, 'bodies' => $bodies];
}

function heartbeat(): array
{
    $connection = connect(['heartbeat' => 2]);
    $channel = $connection->channel();
    for ($end = microtime(true) + 6.5; microtime(true) < $end;) {
        try {
            $channel->wait(null, false, 0.5);
        } catch (AMQPTimeoutException $error) {
            $connection->checkHeartBeat();
        }
    }
    $connection->channel();
    return ['heartbeat' => $connection->getHeartbeat(), 'open' => $connection->isConnected()];
}

function tls(): array
{
    $at = parse_url($GLOBALS['url']);
    $trust = ['cafile' => getenv('CA_FILE'), 'verify_peer' => true];
    $connection = new AMQPSSLConnection($at['host'], $at['port'], $at['user'], $at['pass'], '/', $trust);
    $channel = confirming($connection);
    $target = queue($channel, 'secret');
    publish($channel, $target, 'sealed');
    return drain($channel, $target);
}

const PARTS = [
    'server' => 'server',
    'declare' => 'declareQueues',
    'routing' => 'routing',
    'confirms' => 'confirms',
    'mandatory' => 'mandatory',
    'settle' => 'settle',
    'prefetch' => 'prefetch',
    'dead letter' => 'deadLetter',
    'rpc' => 'rpc',
    'cancelled' => 'cancelled',
    'priorities' => 'priorities',
    'transaction' => 'transaction',
    'large' => 'large',
    'properties' => 'properties',
    'headers' => 'headers',
    'errors' => 'errors',
    'fatal errors' => 'fatalErrors',
    'closed by server' => 'closedByServer',
];

if ($mode === 'heartbeat') {
    answer('heartbeat', heartbeat());
} elseif ($mode === 'tls') {
    answer('tls', tls());
} else {
    $shared = connect();
    foreach (PARTS as $part => $run) {
        answer($part, $run($shared));
    }
    $shared->close();
}
