// Message groups with amqp091-go: group_client URL PREFIX
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"

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

func open(url string) (*amqp.Connection, *amqp.Channel) {
	connection, err := amqp.Dial(url)
	check(err)
	channel, err := connection.Channel()
	check(err)
	return connection, channel
}

func main() {
	url, queue := os.Args[1], os.Args[2]+"groups"
	connection, channel := open(url)
	check(channel.Confirm(false))
	// not by its deferred confirms, which older versions of the library miss when they come at once
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, 1))
	_, err := channel.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-message-groups": true})
	check(err)

	publish := func(body string, headers amqp.Table) {
		message := amqp.Publishing{Headers: headers, DeliveryMode: amqp.Persistent, Body: []byte(body)}
		check(channel.PublishWithContext(context.Background(), "", queue, true, false, message))
		if confirmation := <-confirms; !confirmation.Ack {
			panic(body + " was refused")
		}
	}
	get := func(on *amqp.Channel) *amqp.Delivery {
		delivery, found, err := on.Get(queue, false)
		check(err)
		if !found {
			return nil
		}
		return &delivery
	}

	for number := 1; number <= 3; number++ {
		publish(fmt.Sprintf("a%d", number), amqp.Table{"x-message-group": "a"})
	}
	publish("b1", amqp.Table{"x-message-group": int32(7)})
	publish("b2", amqp.Table{"JMSXGroupID": "7"})
	publish("alone", nil)

	out := map[string]*amqp.Delivery{}
	bodies := []string{}
	for got := get(channel); got != nil; got = get(channel) {
		out[string(got.Body)] = got
		bodies = append(bodies, string(got.Body))
	}
	sort.Strings(bodies)
	answer("one of each group", bodies)

	check(out["a1"].Nack(false, true))
	got := get(channel)
	answer("came back", []interface{}{string(got.Body), got.Redelivered})
	check(got.Ack(false))

	other, otherChannel := open(url)
	answer("next", string(get(otherChannel).Body))
	answer("nothing else", get(channel))
	check(other.Close())
	got = get(channel)
	answer("after the connection was lost", []interface{}{string(got.Body), got.Redelivered})

	for _, delivery := range []*amqp.Delivery{got, out["b1"], out["alone"]} {
		check(delivery.Ack(false))
	}
	check(channel.Qos(10, 0, false))
	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	rest := []string{}
	for len(rest) < 2 {
		delivery := <-deliveries
		rest = append(rest, string(delivery.Body))
		check(delivery.Ack(false))
	}
	sort.Strings(rest)
	answer("rest", rest)
	_, err = channel.QueueDelete(queue, false, false, false)
	check(err)
	check(connection.Close())
}
