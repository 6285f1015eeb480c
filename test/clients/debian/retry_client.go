// A pause asked for by amq.retry, with amqp091-go: retry_client URL PREFIX
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
	url, queue, dead := os.Args[1], os.Args[2]+"retries", os.Args[2]+"dead"
	connection, err := amqp.Dial(url)
	check(err)
	channel, err := connection.Channel()
	check(err)
	publish := func(key string, message amqp.Publishing) {
		check(channel.PublishWithContext(context.Background(), "", key, true, false, message))
	}
	consume := func(name string) <-chan amqp.Delivery {
		deliveries, err := channel.Consume(name, name, false, false, false, false, nil)
		check(err)
		return deliveries
	}
	_, err = channel.QueueDeclare(dead, false, false, false, false, nil)
	check(err)
	_, err = channel.QueueDeclare(queue, true, false, false, false, amqp.Table{
		"x-retry-max-attempts":      int32(3),
		"x-retry-initial-delay":     int64(60000),
		"x-retry-multiplier":        1.5,
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": dead,
	})
	check(err)
	publish(queue, amqp.Publishing{Body: []byte("task")})
	deliveries := consume(queue)
	var started time.Time
	for i := 0; i < 3; i++ {
		delivery := <-deliveries
		answer("delivery", []interface{}{delivery.Headers["x-retry-count"], delivery.Headers["x-last-retry-reason"]})
		if i > 0 {
			answer("waited", time.Since(started) >= 300*time.Millisecond)
		}
		started = time.Now()
		request := amqp.Table{"x-delivery-tag": int64(delivery.DeliveryTag), "x-retry-delay": int32(300)}
		publish("amq.retry", amqp.Publishing{Headers: request})
		check(delivery.Nack(false, true))
	}
	delivery := <-consume(dead)
	death := delivery.Headers["x-death"].([]interface{})[0].(amqp.Table)
	story := []interface{}{string(delivery.Body), death["reason"], death["count"]}
	answer("dead", append(story, death["retry-count"], death["last-retry-reason"]))
	check(delivery.Ack(false))
	for _, name := range []string{queue, dead} {
		_, err = channel.QueueDelete(name, false, false, false)
		check(err)
	}
	check(connection.Close())
}
