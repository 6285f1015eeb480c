// Delayed messages, one of them cancelled and one sent twice, with amqp091-go: delay_client URL PREFIX
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

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

func main() {
	url, exchange, queue := os.Args[1], os.Args[2]+"late", os.Args[2]+"due"
	connection, err := amqp.Dial(url)
	check(err)
	channel, err := connection.Channel()
	check(err)
	arguments := amqp.Table{"x-delayed-type": "topic", "x-message-deduplication": true}
	check(channel.ExchangeDeclare(exchange, "x-delayed-message", true, false, false, false, arguments))
	_, err = channel.QueueDeclare(queue, true, false, false, false, nil)
	check(err)
	check(channel.QueueBind(queue, "reminder.#", exchange, false, nil))

	publish := func(body, id string, headers amqp.Table) {
		message := amqp.Publishing{Headers: headers, MessageId: id, DeliveryMode: amqp.Persistent, Body: []byte(body)}
		check(channel.PublishWithContext(context.Background(), exchange, "reminder.mail", true, false, message))
	}
	started := time.Now()
	publish("last", "", amqp.Table{"x-deliver-at": started.Add(400 * time.Millisecond).UnixMilli()})
	publish("first", "", amqp.Table{"x-delay": int32(200), "x-deduplication-header": "a"})
	publish("first again", "", amqp.Table{"x-delay": int32(100), "x-deduplication-header": "a"})
	publish("cancelled", "c", amqp.Table{"x-delay": int64(300)})
	publish("", "", amqp.Table{"x-delayed-cancel": "c"})
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	for delivery := range deliveries {
		waited := time.Since(started) >= 200*time.Millisecond
		answer(string(delivery.Body), []interface{}{waited, delivery.Headers["x-delay"]})
		check(delivery.Ack(false))
		if string(delivery.Body) == "last" {
			break
		}
	}
	_, err = channel.QueueDelete(queue, false, false, false)
	check(err)
	check(channel.ExchangeDelete(exchange, false, false))
	check(connection.Close())
}
