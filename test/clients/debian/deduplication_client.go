// Duplicates, sent with amqp091-go: deduplication_client URL PREFIX
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	amqp "github.com/rabbitmq/amqp091-go"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func answer(part string, value interface{}) {
	line, err := json.Marshal(map[string]interface{}{"part": part, "value": value})
	check(err)
	fmt.Println(string(line))
}

func persistent(body string, headers amqp.Table) amqp.Publishing {
	return amqp.Publishing{Headers: headers, DeliveryMode: amqp.Persistent, Body: []byte(body)}
}

func main() {
	url, prefix := os.Args[1], os.Args[2]
	connection, err := amqp.Dial(url)
	check(err)
	channel, err := connection.Channel()
	check(err)
	check(channel.Confirm(false))
	// not by its deferred confirms, which older versions of the library miss when they come at once
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, 1))
	declare := func(name string, arguments amqp.Table) string {
		_, err := channel.QueueDeclare(prefix+name, true, false, false, false, arguments)
		check(err)
		return prefix + name
	}
	send := func(exchange, key, body string, headers amqp.Table) {
		message := persistent(body, headers)
		check(channel.PublishWithContext(context.Background(), exchange, key, true, false, message))
		if confirmation := <-confirms; !confirmation.Ack {
			panic(body + " was refused")
		}
	}
	drain := func(queue string) []string {
		bodies := []string{}
		for {
			delivery, found, err := channel.Get(queue, true)
			check(err)
			if !found {
				_, err = channel.QueueDelete(queue, false, false, false)
				check(err)
				return bodies
			}
			bodies = append(bodies, string(delivery.Body))
		}
	}

	exchange := prefix + "x"
	cache := amqp.Table{"x-cache-size": int32(100)}
	check(channel.ExchangeDeclare(exchange, "x-message-deduplication", true, false, false, false, cache))
	behind := declare("behind", nil)
	check(channel.QueueBind(behind, "", exchange, false, nil))
	values := []interface{}{"one", int32(2), amqp.Decimal{Scale: 1, Value: 25}, true, int64(1) << 40}
	for i, body := range []string{"one", "2", "2.5", "True", "1099511627776"} {
		for again := 0; again < 2; again++ {
			send(exchange, "", body, amqp.Table{"x-deduplication-header": values[i]})
		}
	}
	send(exchange, "", "kept for a moment", amqp.Table{"x-deduplication-header": "three", "x-cache-ttl": int32(1)})
	answer("exchange", drain(behind))
	check(channel.ExchangeDelete(exchange, false, false))

	queue := declare("q", amqp.Table{"x-message-deduplication": true})
	for _, body := range []string{"first", "again"} {
		send("", queue, body, amqp.Table{"x-deduplication-header": "order 1"})
	}
	delivery, _, err := channel.Get(queue, false)
	check(err)
	check(delivery.Ack(false))
	send("", queue, "after the first was acknowledged", amqp.Table{"x-deduplication-header": "order 1"})
	answer("queue", drain(queue))

	numbered := declare("numbered", amqp.Table{"x-publisher-deduplication": true})
	for _, id := range []int64{1, 2, 1, 2, 3, 1 << 33, 1 << 33} {
		send("", numbered, fmt.Sprint(id), amqp.Table{"x-publisher-name": "outbox", "x-publishing-id": id})
	}
	answer("numbers", drain(numbered))

	transactions, err := connection.Channel()
	check(err)
	check(transactions.Tx())
	committed := declare("committed", amqp.Table{"x-message-deduplication": true})
	publish := func(bodies ...string) {
		for _, body := range bodies {
			message := persistent(body, amqp.Table{"x-deduplication-header": "order 1"})
			check(transactions.PublishWithContext(context.Background(), "", committed, false, false, message))
		}
	}
	publish("first", "again")
	check(transactions.TxRollback())
	publish("second", "again")
	check(transactions.TxCommit())
	answer("transactions", drain(committed))
	check(connection.Close())
}
