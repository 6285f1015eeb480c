// Every part of the contract (contract.ts) with amqp091-go: go_client URL PREFIX MODE
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

type object = map[string]interface{}

var url, prefix, mode = os.Args[1], os.Args[2], os.Args[3]

func name(suffix string) string { return prefix + suffix }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func answer(part string, value interface{}) {
	line, err := json.Marshal(object{"part": part, "value": value})
	check(err)
	fmt.Println(string(line))
}

func connect(config amqp.Config) *amqp.Connection {
	connection, err := amqp.DialConfig(url, config)
	check(err)
	return connection
}

func open(connection *amqp.Connection) *amqp.Channel {
	channel, err := connection.Channel()
	check(err)
	return channel
}

// Not the deferred confirmations: in version 1.5 those miss an answer that is faster than the library's own bookkeeping.
var confirmations = map[*amqp.Channel]chan amqp.Confirmation{}

func confirming(connection *amqp.Connection) *amqp.Channel {
	channel := open(connection)
	check(channel.Confirm(false))
	confirmations[channel] = channel.NotifyPublish(make(chan amqp.Confirmation, 16))
	return channel
}

func send(channel *amqp.Channel, exchange, key string, message amqp.Publishing) {
	check(channel.PublishWithContext(context.Background(), exchange, key, false, false, message))
}

// Publishes to a queue, and in confirm mode waits for the answer.
func publish(channel *amqp.Channel, queue string, message amqp.Publishing) bool {
	send(channel, "", queue, message)
	answers, asked := confirmations[channel]
	return !asked || (<-answers).Ack
}

func text(body string) amqp.Publishing { return amqp.Publishing{Body: []byte(body)} }

// Exclusive, so that nothing of it outlives the connection.
func queue(channel *amqp.Channel, suffix string, arguments amqp.Table) string {
	declared, err := channel.QueueDeclare(name(suffix), false, false, true, false, arguments)
	check(err)
	return declared.Name
}

func get(channel *amqp.Channel, queue string, autoAck bool) amqp.Delivery {
	delivery, ok, err := channel.Get(queue, autoAck)
	check(err)
	if !ok {
		panic("nothing in " + queue)
	}
	return delivery
}

// Bodies of all ready messages, in order.
func drain(channel *amqp.Channel, queue string) []string {
	bodies := []string{}
	for {
		delivery, ok, err := channel.Get(queue, true)
		check(err)
		if !ok {
			return bodies
		}
		bodies = append(bodies, string(delivery.Body))
	}
}

func consume(channel *amqp.Channel, queue, tag string, autoAck bool) <-chan amqp.Delivery {
	deliveries, err := channel.Consume(queue, tag, autoAck, false, false, false, nil)
	check(err)
	return deliveries
}

func ready(channel *amqp.Channel, queue string) int {
	found, err := channel.QueueInspect(queue)
	check(err)
	return found.Messages
}

func server(connection *amqp.Connection) interface{} {
	capabilities := []string{}
	for capability, has := range connection.Properties["capabilities"].(amqp.Table) {
		if has == true {
			capabilities = append(capabilities, capability)
		}
	}
	sort.Strings(capabilities)
	return object{"product": connection.Properties["product"], "capabilities": capabilities}
}

func declare(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	counts := func(queue amqp.Queue) []int { return []int{queue.Messages, queue.Consumers} }
	classic, err := channel.QueueDeclare(name("classic"), true, false, false, false, nil)
	check(err)
	named, err := channel.QueueDeclare("", false, false, true, false, nil)
	check(err)
	quorum, err := channel.QueueDeclare(name("quorum"), true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	check(err)
	publish(channel, classic.Name, text("1"))
	publish(channel, classic.Name, text("2"))
	again, err := channel.QueueDeclare(classic.Name, true, false, false, false, nil)
	check(err)
	purged, err := channel.QueuePurge(classic.Name, false)
	check(err)
	publish(channel, classic.Name, text("3"))
	deleted, err := channel.QueueDelete(classic.Name, false, false, false)
	check(err)
	_, err = channel.QueueDelete(quorum.Name, false, false, false)
	check(err)
	return object{
		"classic": counts(classic), "quorum": counts(quorum), "again": counts(again),
		"purged": purged, "deleted": deleted, "serverNamed": []interface{}{named.Name[:8], len(named.Name)},
	}
}

func routing(connection *amqp.Connection) interface{} {
	channel := open(connection)
	kinds := []string{"direct", "fanout", "topic", "headers"}
	exchange := func(suffix, kind string, arguments amqp.Table) string {
		check(channel.ExchangeDeclare(name(suffix), kind, false, false, false, false, arguments))
		return name(suffix)
	}
	bind := func(kind, key string, arguments amqp.Table) {
		check(channel.QueueBind(name("of-"+kind), key, name(kind), false, arguments))
	}
	for _, kind := range kinds {
		exchange(kind, kind, nil)
		queue(channel, "of-"+kind, nil)
	}
	bind("direct", "red", nil)
	bind("fanout", "", nil)
	bind("topic", "a.*.c", nil)
	bind("topic", "#.z", nil)
	bind("headers", "", amqp.Table{"x-match": "any", "color": "red", "size": int32(1)})
	exchange("alternate", "fanout", nil)
	queue(channel, "of-alternate", nil)
	bind("alternate", "", nil)
	first := exchange("first", "direct", amqp.Table{"alternate-exchange": name("alternate")})
	check(channel.ExchangeBind(name("fanout"), "onwards", first, false, nil))
	to := func(suffix, key string, message amqp.Publishing) { send(channel, name(suffix), key, message) }
	for _, key := range []string{"red", "blue"} {
		to("direct", key, text(key))
	}
	for _, key := range []string{"a.b.c", "a.c", "x.y.z", "z", "a.b.b.c"} {
		to("topic", key, text(key))
	}
	to("headers", "", amqp.Publishing{Body: []byte("color"), Headers: amqp.Table{"color": "red"}})
	to("headers", "", amqp.Publishing{Body: []byte("size"), Headers: amqp.Table{"size": int64(1)}})
	to("headers", "", amqp.Publishing{Body: []byte("none"), Headers: amqp.Table{"color": "blue"}})
	to("first", "onwards", text("bound"))
	to("first", "elsewhere", text("unbound"))
	found := object{}
	for _, kind := range append(kinds, "alternate") {
		found[kind] = drain(channel, name("of-"+kind))
		check(channel.ExchangeDelete(name(kind), false, false))
	}
	check(channel.ExchangeDelete(first, false, false))
	return found
}

func confirms(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	plain := queue(channel, "confirmed", nil)
	limited := queue(channel, "limited", amqp.Table{"x-max-length": int32(1), "x-overflow": "reject-publish"})
	acked := 0
	for i := 0; i < 10; i++ {
		send(channel, "", plain, text(fmt.Sprint(i)))
	}
	for tag := uint64(1); tag <= 10; tag++ {
		if confirmed := <-confirmations[channel]; confirmed.Ack && confirmed.DeliveryTag == tag {
			acked++
		}
	}
	outcomes := []string{}
	for i := 0; i < 3; i++ {
		if publish(channel, limited, text("x")) {
			outcomes = append(outcomes, "ack")
		} else {
			outcomes = append(outcomes, "nack")
		}
	}
	return object{"acked": acked, "limited": outcomes}
}

func mandatory(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	check(channel.PublishWithContext(context.Background(), "", name("nowhere"), true, false, text("lost")))
	returned := <-returns
	return object{
		"code": returned.ReplyCode, "text": returned.ReplyText, "key": returned.RoutingKey, "body": string(returned.Body),
	}
}

func settle(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "settled", nil)
	for _, body := range []string{"a", "b", "c"} {
		publish(channel, target, text(body))
	}
	check(channel.Qos(1, 0, false))
	seen := [][]interface{}{}
	for delivery := range consume(channel, target, "settler", false) {
		body := string(delivery.Body)
		seen = append(seen, []interface{}{body, delivery.Redelivered})
		if body != "b" {
			check(delivery.Ack(false))
		} else if delivery.Redelivered {
			check(delivery.Reject(false))
		} else {
			check(delivery.Nack(false, true))
		}
		if body == "c" {
			break
		}
	}
	check(channel.Cancel("settler", false))
	for _, body := range []string{"d", "e", "f"} {
		publish(channel, target, text(body))
	}
	get(channel, target, false)
	second := get(channel, target, false)
	get(channel, target, false)
	check(second.Ack(true))
	check(channel.Close())
	return object{"seen": seen, "left": drain(open(connection), target)}
}

func prefetch(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "prefetched", nil)
	for i := 0; i < 5; i++ {
		publish(channel, target, text(fmt.Sprint(i)))
	}
	check(channel.Qos(2, 0, false))
	deliveries := consume(channel, target, "", false)
	first, second := <-deliveries, <-deliveries
	before := ready(channel, target)
	check(first.Ack(false))
	third := <-deliveries
	seen := []string{string(first.Body), string(second.Body), string(third.Body)}
	return object{"seen": seen, "ready": []int{before, ready(channel, target)}}
}

func deadLetter(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	dead := queue(channel, "dead", nil)
	graves := name("graves")
	check(channel.ExchangeDeclare(graves, "fanout", false, false, false, false, nil))
	check(channel.QueueBind(dead, "", graves, false, nil))
	burials := consume(channel, dead, "", true)
	found := []object{}
	bury := func() {
		delivery := <-burials
		death := delivery.Headers["x-death"].([]interface{})[0].(amqp.Table)
		found = append(found, object{
			"body": string(delivery.Body), "reason": death["reason"], "first": delivery.Headers["x-first-death-reason"],
			"queue": death["queue"], "exchange": death["exchange"], "keys": death["routing-keys"], "count": death["count"],
			"ttl": death["original-expiration"],
		})
	}
	expiring := queue(channel, "expiring", amqp.Table{"x-dead-letter-exchange": graves, "x-message-ttl": int32(1)})
	rejecting := queue(channel, "rejecting",
		amqp.Table{"x-dead-letter-exchange": graves, "x-dead-letter-routing-key": "other"})
	full := queue(channel, "full", amqp.Table{"x-dead-letter-exchange": graves, "x-max-length": int32(1)})
	tried, err := channel.QueueDeclare(name("tried"), true, false, false, false,
		amqp.Table{"x-dead-letter-exchange": graves, "x-queue-type": "quorum", "x-delivery-limit": int32(1)})
	check(err)
	publish(channel, expiring, text("by queue"))
	bury()
	publish(channel, rejecting, amqp.Publishing{Body: []byte("by itself"), Expiration: "1"})
	bury()
	publish(channel, rejecting, text("by hand"))
	byHand := get(channel, rejecting, false)
	check(byHand.Reject(false))
	bury()
	publish(channel, full, text("pushed out"))
	publish(channel, full, text("kept"))
	bury()
	publish(channel, tried.Name, text("too often"))
	attempts := []interface{}{}
	for delivery := range consume(channel, tried.Name, "trier", false) {
		attempts = append(attempts, delivery.Headers["x-delivery-count"])
		check(delivery.Reject(true))
		if len(attempts) == 2 {
			break
		}
	}
	bury()
	_, err = channel.QueueDelete(tried.Name, false, false, false)
	check(err)
	check(channel.ExchangeDelete(graves, false, false))
	return object{"found": found, "attempts": attempts}
}

func rpc(connection *amqp.Connection) interface{} {
	client, worker := open(connection), open(connection)
	requests := consume(worker, queue(worker, "requests", nil), "", true)
	replies := consume(client, "amq.rabbitmq.reply-to", "", true)
	publish(client, name("requests"),
		amqp.Publishing{Body: []byte("ping"), ReplyTo: "amq.rabbitmq.reply-to", CorrelationId: "42"})
	request := <-requests
	publish(worker, request.ReplyTo,
		amqp.Publishing{Body: append([]byte("re: "), request.Body...), CorrelationId: request.CorrelationId})
	reply := <-replies
	return object{
		"address": request.ReplyTo[:len("amq.rabbitmq.reply-to.")],
		"reply":   []string{string(reply.Body), reply.CorrelationId},
	}
}

func cancelled(connection *amqp.Connection) interface{} {
	channel := open(connection)
	target := queue(channel, "vanishing", nil)
	notices := channel.NotifyCancel(make(chan string, 1))
	deliveries := consume(channel, target, "watcher", false)
	_, err := open(connection).QueueDelete(target, false, false, false)
	check(err)
	tag := <-notices
	if _, more := <-deliveries; more {
		panic("a delivery after the end")
	}
	return tag
}

func priorities(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "ranked", amqp.Table{"x-max-priority": int32(5)})
	for _, priority := range []uint8{0, 1, 9, 3, 5} {
		publish(channel, target, amqp.Publishing{Body: []byte(fmt.Sprint(priority)), Priority: priority})
	}
	return drain(channel, target)
}

func transaction(connection *amqp.Connection) interface{} {
	channel := open(connection)
	target := queue(channel, "transacted", nil)
	check(channel.Tx())
	publish(channel, target, text("1"))
	publish(channel, target, text("2"))
	before := ready(open(connection), target)
	check(channel.TxCommit())
	committed := ready(open(connection), target)
	publish(channel, target, text("3"))
	check(channel.TxRollback())
	return object{"before": before, "committed": committed, "rolledBack": ready(open(connection), target)}
}

func large(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "large", nil)
	body := make([]byte, 1<<20)
	for i := range body {
		body[i] = byte(i % 1024 * 7)
	}
	publish(channel, target, amqp.Publishing{Body: body})
	received := get(channel, target, true)
	return object{"length": len(received.Body), "same": string(received.Body) == string(body)}
}

func properties(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "properties", nil)
	publish(channel, target, amqp.Publishing{
		ContentType: "text/plain", ContentEncoding: "utf-8", DeliveryMode: 2, Priority: 7, CorrelationId: "c-1",
		ReplyTo: "somewhere", Expiration: "60000", MessageId: "m-1", Timestamp: time.Unix(1700000000, 0),
		Type: "greeting", UserId: "guest", AppId: "contract",
	})
	got := get(channel, target, true)
	return object{
		"content_type": got.ContentType, "content_encoding": got.ContentEncoding, "delivery_mode": got.DeliveryMode,
		"priority": got.Priority, "correlation_id": got.CorrelationId, "reply_to": got.ReplyTo,
		"expiration": got.Expiration, "message_id": got.MessageId, "timestamp": got.Timestamp.Unix(), "type": got.Type,
		"user_id": got.UserId, "app_id": got.AppId,
	}
}

func headers(connection *amqp.Connection) interface{} {
	channel := confirming(connection)
	target := queue(channel, "headers", nil)
	publish(channel, target, amqp.Publishing{Headers: amqp.Table{
		"string": "grüße", "int": int32(42), "negative": int32(-7), "long": int64(1 << 40), "bool": true, "double": 2.5,
		"table": amqp.Table{"inner": "x", "deeper": amqp.Table{"n": int32(1)}},
		"array": []interface{}{int32(1), "two", false}, "time": time.Unix(1700000000, 0), "void": nil,
		"bytes": []byte{0, 255}, "decimal": amqp.Decimal{Scale: 2, Value: 314},
		"float": float32(0.5), "byte": byte(200), "int8": int8(-100), "short": int16(-30000),
	}})
	found := object{}
	types := object{}
	for key, value := range get(channel, target, true).Headers {
		switch value := value.(type) {
		case time.Time:
			found[key] = value.Unix()
		case []byte:
			found[key] = []int{int(value[0]), int(value[1])}
		case amqp.Decimal:
			found[key] = fmt.Sprintf("%d.%02d", value.Value/100, value.Value%100)
		default:
			found[key] = value
		}
		types[key] = fmt.Sprintf("%T", value)
	}
	found["types"] = types
	return found
}

// What the broker answers to mistakes that cost the channel.
func mistakes(connection *amqp.Connection) interface{} {
	other := connect(amqp.Config{})
	defer other.Close()
	shared := name("shared")
	_, err := open(connection).QueueDeclare(shared, true, false, false, false, nil)
	check(err)
	locked := queue(open(connection), "locked", nil)
	found := object{}
	attemptOn := func(connection *amqp.Connection, mistake string, act func(*amqp.Channel) error) {
		channel := open(connection)
		closed := channel.NotifyClose(make(chan *amqp.Error, 1))
		_ = act(channel)
		reason := <-closed
		found[mistake] = []interface{}{reason.Code, reason.Reason}
	}
	attempt := func(mistake string, act func(*amqp.Channel) error) { attemptOn(connection, mistake, act) }
	declare := func(mistake, queue string, durable bool, arguments amqp.Table) {
		attempt(mistake, func(channel *amqp.Channel) error {
			_, err := channel.QueueDeclare(queue, durable, false, false, false, arguments)
			return err
		})
	}
	misdirect := func(mistake, exchange, key string, message amqp.Publishing) {
		attempt(mistake, func(channel *amqp.Channel) error {
			return channel.PublishWithContext(context.Background(), exchange, key, false, false, message)
		})
	}
	passive := func(queue string) func(*amqp.Channel) error {
		return func(channel *amqp.Channel) error {
			_, err := channel.QueueInspect(queue)
			return err
		}
	}
	attempt("queue missing", passive(name("missing")))
	attempt("exchange missing", func(channel *amqp.Channel) error {
		return channel.ExchangeDeclarePassive(name("missing"), "direct", false, false, false, false, nil)
	})
	declare("other durability", shared, false, nil)
	declare("other argument", shared, true, amqp.Table{"x-max-length": int32(5)})
	attempt("other exchange type", func(channel *amqp.Channel) error {
		return channel.ExchangeDeclare("amq.direct", "fanout", true, false, false, false, nil)
	})
	declare("reserved name", "amq.mine", false, nil)
	declare("bad argument", name("bad"), false, amqp.Table{"x-message-ttl": int32(-1)})
	declare("transient quorum", name("bad"), false, amqp.Table{"x-queue-type": "quorum"})
	attempt("bind to nothing", func(channel *amqp.Channel) error {
		return channel.QueueBind(shared, "k", name("missing"), false, nil)
	})
	attempt("consume from nothing", func(channel *amqp.Channel) error {
		_, err := channel.Consume(name("missing"), "", false, false, false, false, nil)
		return err
	})
	attempt("default exchange", func(channel *amqp.Channel) error { return channel.ExchangeDelete("", false, false) })
	attemptOn(other, "locked", passive(locked))
	attempt("unknown tag", func(channel *amqp.Channel) error { return channel.Ack(99, false) })
	misdirect("publish to nothing", name("missing"), "k", text("x"))
	misdirect("bad expiration", "", shared, amqp.Publishing{Expiration: "soon"})
	_, err = open(connection).QueueDelete(shared, false, false, false)
	check(err)
	return found
}

// What the broker answers to mistakes that cost the connection.
func fatalMistakes(_ *amqp.Connection) interface{} {
	found := object{}
	attempt := func(mistake string, act func(*amqp.Channel) error) {
		connection := connect(amqp.Config{})
		closed := connection.NotifyClose(make(chan *amqp.Error, 1))
		_ = act(open(connection))
		reason := <-closed
		found[mistake] = []interface{}{reason.Code, reason.Reason}
	}
	// The library keeps the text of a refused login to itself, and that of a refused vhost, too.
	attempt("tag used twice", func(channel *amqp.Channel) error {
		target := queue(channel, "twice", nil)
		consume(channel, target, "twice", false)
		_, err := channel.Consume(target, "twice", false, false, false, false, nil)
		return err
	})
	attempt("prefetch size", func(channel *amqp.Channel) error { return channel.Qos(0, 10, false) })
	_, err := amqp.DialConfig(url, amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{Username: "guest", Password: "wrong"}}})
	found["wrong password"] = err.Error()
	_, err = amqp.DialConfig(url, amqp.Config{Vhost: "nowhere"})
	found["no such vhost"] = err.Error()
	return found
}

func closedByServer(_ *amqp.Connection) interface{} {
	title := amqp.Table{}
	title.SetClientConnectionName(name("connection-to-close"))
	connection := connect(amqp.Config{Properties: title})
	closed := connection.NotifyClose(make(chan *amqp.Error, 1))
	survivor := name("survivor")
	_, err := open(connection).QueueDeclare(survivor, true, false, false, false, nil)
	check(err)
	answer("please close", name("connection-to-close"))
	reason := <-closed
	again := connect(amqp.Config{})
	defer again.Close()
	channel := confirming(again)
	publish(channel, survivor, text("after"))
	bodies := drain(channel, survivor)
	_, err = channel.QueueDelete(survivor, false, false, false)
	check(err)
	return object{"closed": []interface{}{reason.Code, reason.Reason}, "bodies": bodies}
}

func heartbeat() interface{} {
	connection := connect(amqp.Config{Heartbeat: 2 * time.Second})
	select {
	case reason := <-connection.NotifyClose(make(chan *amqp.Error, 1)):
		return reason.Error()
	case <-time.After(6500 * time.Millisecond):
	}
	open(connection)
	return object{"heartbeat": connection.Config.Heartbeat.Seconds(), "open": !connection.IsClosed()}
}

func secure() interface{} {
	authority, err := os.ReadFile(os.Getenv("CA_FILE"))
	check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	dial := func(network, address string) (net.Conn, error) {
		return net.DialTimeout(network, address, 30*time.Second)
	}
	connection := connect(amqp.Config{TLSClientConfig: &tls.Config{RootCAs: pool}, Dial: dial})
	channel := confirming(connection)
	target := queue(channel, "secret", nil)
	publish(channel, target, text("sealed"))
	return drain(channel, target)
}

func main() {
	switch mode {
	case "heartbeat":
		answer("heartbeat", heartbeat())
		return
	case "tls":
		answer("tls", secure())
		return
	}
	parts := []struct {
		name string
		run  func(*amqp.Connection) interface{}
	}{
		{"server", server}, {"declare", declare}, {"routing", routing}, {"confirms", confirms}, {"mandatory", mandatory},
		{"settle", settle}, {"prefetch", prefetch}, {"dead letter", deadLetter}, {"rpc", rpc}, {"cancelled", cancelled},
		{"priorities", priorities}, {"transaction", transaction}, {"large", large}, {"properties", properties},
		{"headers", headers}, {"errors", mistakes}, {"fatal errors", fatalMistakes}, {"closed by server", closedByServer},
	}
	connection := connect(amqp.Config{Heartbeat: 10 * time.Second})
	for _, part := range parts {
		answer(part.name, part.run(connection))
	}
	check(connection.Close())
}
