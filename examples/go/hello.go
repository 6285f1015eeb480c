// A first message with amqp091-go (go get github.com/rabbitmq/amqp091-go).
//
//	go run examples/go/hello.go    (AMQP_URL, or amqp://localhost)
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	amqp "github.com/rabbitmq/amqp091-go"
)

const queue = "example.hello"

func main() {
	url := os.Getenv("AMQP_URL")
	if url == "" {
		url = "amqp://localhost"
	}
	connection, err := amqp.Dial(url)
	check(err)
	defer connection.Close()
	channel, err := connection.Channel()
	check(err)
	_, err = channel.QueueDeclare(queue, true, false, false, false, nil)
	check(err)

	message := amqp.Publishing{ContentType: "text/plain", Body: []byte("Hello, World!")}
	check(channel.PublishWithContext(context.Background(), "", queue, false, false, message))
	fmt.Println("sent: Hello, World!")

	deliveries, err := channel.Consume(queue, "", false, false, false, false, nil)
	check(err)
	delivery := <-deliveries
	fmt.Println("received:", string(delivery.Body))
	check(delivery.Ack(false))

	_, err = channel.QueueDelete(queue, false, false, false)
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
