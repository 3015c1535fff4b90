package main

import (
	"context"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafka is an output: a batch is acknowledged once all replicas have all of it. franz-go is idempotent by itself.
type kafka struct {
	options []kgo.Opt
	client  *kgo.Client
}

func registerKafka(environment *service.Environment) error {
	spec := service.NewConfigSpec().Fields(
		service.NewStringField("brokers"),
		service.NewStringField("topic"),
		service.NewDurationField("linger"),
		service.NewOutputMaxInFlightField(),
		service.NewBatchPolicyField("batching"),
	)
	return environment.RegisterBatchOutput("kafka", spec, newKafka)
}

func newKafka(
	config *service.ParsedConfig, _ *service.Resources,
) (service.BatchOutput, service.BatchPolicy, int, error) {
	brokers, err := config.FieldString("brokers")
	if err != nil {
		return nil, service.BatchPolicy{}, 0, err
	}
	topic, err := config.FieldString("topic")
	if err != nil {
		return nil, service.BatchPolicy{}, 0, err
	}
	linger, err := config.FieldDuration("linger")
	if err != nil {
		return nil, service.BatchPolicy{}, 0, err
	}
	policy, err := config.FieldBatchPolicy("batching")
	if err != nil {
		return nil, service.BatchPolicy{}, 0, err
	}
	inFlight, err := config.FieldMaxInFlight()
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(linger),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // ours does not compress either
	}
	return &kafka{options: options}, policy, inFlight, err
}

func (k *kafka) Connect(ctx context.Context) error {
	client, err := kgo.NewClient(k.options...)
	if err != nil {
		return err
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return err
	}
	k.client = client
	return nil
}

func (k *kafka) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	records := make([]*kgo.Record, len(batch))
	for i, message := range batch {
		value, err := message.AsBytes()
		if err != nil {
			return err
		}
		key, _ := message.MetaGet("key")
		id, _ := message.MetaGet("ce_id")
		kind, _ := message.MetaGet("ce_type")
		records[i] = &kgo.Record{Key: []byte(key), Value: value, Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(id)},
			{Key: "ce_source", Value: []byte("stores/" + key)},
			{Key: "ce_type", Value: []byte(kind)},
			{Key: "content-type", Value: []byte("application/json")},
		}}
	}
	return k.client.ProduceSync(ctx, records...).FirstErr()
}

func (k *kafka) Close(context.Context) error {
	if k.client != nil {
		k.client.Close()
	}
	return nil
}
