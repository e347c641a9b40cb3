// A conforming consumer in Go: franz-go, go-jose, nothing of los. Run: go run . KIT_FOLDER
// Prints one JSON object a line for each event that it hands out; what it says of itself goes to stderr.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

const (
	contentType   = "application/cloudevents+json; charset=UTF-8"
	skew          = time.Minute
	valueBytesMax = 90_000
	// How soon a new process gets the partitions of one that died.
	sessionTimeout = 6 * time.Second
)

var eventType = regexp.MustCompile(`^se\.los\.([a-z_]+)\.(shared|corrected|recalled)\.v1$`)

type settings struct {
	Agency        string   `toml:"agency"`
	KommunSource  string   `toml:"kommun_source"`
	ReceiverKinds []string `toml:"receiver_kinds"`
	ShareTopic    string   `toml:"share_topic"`
	ReplyTopic    string   `toml:"reply_topic"`
	GroupPrefix   string   `toml:"group_prefix"`
	Kafka         struct {
		BootstrapServers string `toml:"bootstrap_servers"`
		Username         string `toml:"username"`
		PasswordFile     string `toml:"password_file"`
		CaFile           string `toml:"ca_file"`
	} `toml:"kafka"`
	Keys struct {
		PrivateFile string `toml:"private_file"`
		KommunFile  string `toml:"kommun_file"`
	} `toml:"keys"`
}

// A key with its days, as they stand beside it in the JWKS.
type key struct {
	jose.JSONWebKey
	Nbf, Exp float64
	Revoked  bool
}

func (k key) usable() bool {
	now := float64(time.Now().Unix())
	return !k.Revoked && k.Nbf <= now && (k.Exp == 0 || now < k.Exp)
}

// refused tells why an event is not taken. With an event the kommun gets to know; without, it was forged and gets silence.
type refused struct {
	reason string
	event  *event
}

func (r refused) Error() string { return r.reason }

type event struct {
	SpecVersion        string `json:"specversion"`
	ID                 string `json:"id"`
	Source             string `json:"source"`
	Type               string `json:"type"`
	PartitionKey       string `json:"partitionkey"`
	Sequence           string `json:"sequence"`
	CorrelationID      string `json:"correlationid"`
	ExpiryTime         string `json:"expirytime"`
	DataClassification string `json:"dataclassification"`
	Data               string `json:"data"`
	kind, change       string
	number             int64
}

type content struct {
	Aud          string                     `json:"aud"`
	DisclosureID string                     `json:"disclosure_id"`
	RecordKind   string                     `json:"record_kind"`
	Replaces     []string                   `json:"replaces"`
	Fields       map[string]json.RawMessage `json:"fields"`
}

// A line of the journal: what has been handled, on disk before anything is said of it.
type line struct {
	ID       string   `json:"id"`
	Key      string   `json:"key"`
	Sequence int64    `json:"sequence"`
	Ended    []string `json:"ended"`
}

type partner struct {
	folder      string
	kit         settings
	own, kommun []key
	journal     *os.File
	handled     map[string]bool
	latest      map[string]int64
	gone        map[string]bool
	client      *kgo.Client
}

func (p *partner) keys(name string) []key {
	var set struct{ Keys []json.RawMessage }
	check(json.Unmarshal(p.file(name), &set))
	var found []key
	for _, raw := range set.Keys {
		var one key
		var days struct {
			Nbf, Exp float64
			Revoked  json.RawMessage
		}
		check(one.JSONWebKey.UnmarshalJSON(raw))
		check(json.Unmarshal(raw, &days))
		one.Nbf, one.Exp, one.Revoked = days.Nbf, days.Exp, len(days.Revoked) > 0
		found = append(found, one)
	}
	return found
}

func (p *partner) file(name string) []byte {
	data, err := os.ReadFile(filepath.Join(p.folder, name))
	check(err)
	return data
}

func newest(keys []key, fits func(key) bool) key {
	var best key
	for _, one := range keys {
		if fits(one) && one.usable() && (best.Key == nil || one.Nbf > best.Nbf || one.Nbf == best.Nbf && one.KeyID > best.KeyID) {
			best = one
		}
	}
	return best
}

func find(keys []key, kid string, use string) (key, bool) {
	for _, one := range keys {
		if one.KeyID == kid && (use == "" || one.Use == use) && one.usable() {
			return one, true
		}
	}
	return key{}, false
}

func (p *partner) kindOf(kid string) string {
	for _, kind := range p.kit.ReceiverKinds {
		if rest, ok := strings.CutPrefix(kid, kind+"-"); ok && regexp.MustCompile(`^\d{4}-\d+$`).MatchString(rest) {
			return kind
		}
	}
	return ""
}

func header(segment string) (map[string]any, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(segment)
	found := map[string]any{}
	return found, err == nil && json.Unmarshal(raw, &found) == nil
}

func has(found map[string]any, names ...string) bool {
	if len(found) != len(names) {
		return false
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			return false
		}
	}
	return true
}

// verified gives the event, shown to come from the kommun and to be where it belongs.
func (p *partner) verified(record *kgo.Record) (*event, error) {
	if len(record.Value) > valueBytesMax {
		return nil, refused{"too_large", nil}
	}
	headers := map[string]string{}
	for _, one := range record.Headers {
		if one.Key != "content-type" && one.Key != "los-signature" {
			return nil, refused{"header_unknown", nil}
		}
		headers[one.Key] = string(one.Value)
	}
	if len(record.Headers) != 2 || len(headers) != 2 {
		return nil, refused{"header_missing", nil}
	}
	if headers["content-type"] != contentType {
		return nil, refused{"content_type", nil}
	}
	segments := strings.Split(headers["los-signature"], ".")
	if len(segments) != 3 || segments[1] != "" {
		return nil, refused{"signature_form", nil}
	}
	protected, ok := header(segments[0])
	if !ok {
		return nil, refused{"signature_form", nil}
	}
	if protected["alg"] != "ES256" {
		return nil, refused{"signature_algorithm", nil}
	}
	if !has(protected, "alg", "kid") {
		return nil, refused{"signature_form", nil}
	}
	kid, _ := protected["kid"].(string)
	signer, ok := find(p.kommun, kid, "sig")
	if !ok {
		return nil, refused{"signature_key_unknown", nil}
	}
	token, err := jose.ParseDetached(headers["los-signature"], record.Value, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, refused{"signature_form", nil}
	}
	if err := token.DetachedVerify(record.Value, signer.Key); err != nil {
		return nil, refused{"signature_invalid", nil}
	}
	found := &event{}
	if json.Unmarshal(record.Value, found) != nil {
		return nil, refused{"event_malformed", nil}
	}
	words := eventType.FindStringSubmatch(found.Type)
	number, err := strconv.ParseInt(found.Sequence, 10, 64)
	if words == nil || err != nil || number < 1 || found.SpecVersion != "1.0" || uuid.Validate(found.ID) != nil {
		return nil, refused{"event_malformed", nil}
	}
	found.kind, found.change, found.number = words[1], words[2], number
	switch {
	case string(record.Key) != found.PartitionKey:
		return nil, refused{"key_mismatch", nil}
	case record.Topic != p.kit.ShareTopic:
		return nil, refused{"topic_mismatch", nil}
	case found.Source != p.kit.KommunSource:
		return nil, refused{"source_mismatch", nil}
	}
	return found, nil
}

func (p *partner) addressed(found *event) (kid string, ok bool) {
	protected, ok := header(strings.SplitN(found.Data, ".", 2)[0])
	kid, _ = protected["kid"].(string)
	agreed := protected["alg"] == "ECDH-ES+A256KW" && protected["enc"] == "A256GCM" && protected["typ"] == "JOSE" && protected["cty"] == "application/json"
	return kid, ok && agreed && has(protected, "alg", "enc", "typ", "cty", "kid", "epk")
}

// opened gives the content, and the disclosures that it recalls or replaces.
func (p *partner) opened(found *event) (*content, []string, error) {
	until, err := time.Parse(time.RFC3339, found.ExpiryTime)
	if err != nil || until.Before(time.Now().Add(-skew)) {
		return nil, nil, refused{"expired", found}
	}
	kid, ok := p.addressed(found)
	if !ok {
		return nil, nil, refused{"encryption_form", found}
	}
	own, ok := find(p.own, kid, "")
	if !ok {
		return nil, nil, refused{"encryption_key_unknown", found}
	}
	token, err := jose.ParseEncrypted(found.Data, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, nil, refused{"encryption_form", found}
	}
	plain, err := token.Decrypt(own.Key)
	if err != nil {
		return nil, nil, refused{"encryption_invalid", found}
	}
	inside := &content{}
	if json.Unmarshal(plain, inside) != nil || inside.Fields == nil {
		return nil, nil, refused{"content_malformed", found}
	}
	for _, value := range inside.Fields {
		var text string
		var texts []string
		if json.Unmarshal(value, &text) != nil && json.Unmarshal(value, &texts) != nil {
			return nil, nil, refused{"content_malformed", found}
		}
	}
	ended := inside.Replaces
	switch {
	case inside.Aud != p.kindOf(kid):
		return nil, nil, refused{"aud_mismatch", found}
	case inside.DisclosureID != found.CorrelationID:
		return nil, nil, refused{"disclosure_mismatch", found}
	case inside.RecordKind != found.kind:
		return nil, nil, refused{"kind_mismatch", found}
	case (len(ended) > 0) != (found.change == "corrected"):
		return nil, nil, refused{"content_malformed", found}
	case found.change == "recalled" && len(inside.Fields) > 0:
		return nil, nil, refused{"content_malformed", found}
	case found.change == "recalled":
		ended = []string{found.CorrelationID}
	}
	return inside, ended, nil
}

// receipt sends a receipt: its id follows from the event and what is said, so that the same receipt sent twice is one.
func (p *partner) receipt(about *event, kind, reason string) {
	said := map[string]string{"status": "received"}
	if reason != "" {
		said = map[string]string{"reason": reason, "status": "refused"}
	}
	canonical, err := json.Marshal(said)
	check(err)
	now := time.Now().UTC()
	instant := func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z") }
	body := map[string]string{"aud": "kommun", "disclosure_id": about.CorrelationID, "event_id": about.ID, "receiver_kind": kind, "time": instant(now)}
	for name, word := range said {
		body[name] = word
	}
	plain, err := json.Marshal(body)
	check(err)
	to := newest(p.kommun, func(one key) bool { return one.Use == "enc" })
	from := newest(p.own, func(one key) bool { return p.kindOf(one.KeyID) == kind })
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: to.Key, KeyID: to.KeyID},
		(&jose.EncrypterOptions{}).WithType("JOSE").WithContentType("application/json"))
	check(err)
	sealed, err := encrypter.Encrypt(plain)
	check(err)
	data, err := sealed.CompactSerialize()
	check(err)
	value, err := json.Marshal(map[string]string{
		"specversion": "1.0", "id": uuid.NewSHA1(uuid.MustParse(about.ID), append([]byte("se.los.receipt.v1"), canonical...)).String(),
		"source": "urn:los:agency:" + p.kit.Agency, "type": "se.los.receipt.v1", "time": instant(now), "datacontenttype": "application/jose",
		"partitionkey": about.PartitionKey, "correlationid": about.CorrelationID, "recordedtime": instant(now),
		"expirytime": instant(now.AddDate(0, 0, 30)), "dataclassification": about.DataClassification, "data": data,
	})
	check(err)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: from.Key, KeyID: from.KeyID}}, nil)
	check(err)
	token, err := signer.Sign(value)
	check(err)
	signature, err := token.DetachedCompactSerialize()
	check(err)
	headers := []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}, {Key: "los-signature", Value: []byte(signature)}}
	record := &kgo.Record{Topic: p.kit.ReplyTopic, Key: []byte(about.PartitionKey), Value: value, Headers: headers}
	check(p.client.ProduceSync(context.Background(), record).FirstErr())
}

func (p *partner) learn(one line) {
	if one.ID != "" {
		p.handled[one.ID] = true
		p.latest[one.Key] = max(p.latest[one.Key], one.Sequence)
	}
	for _, disclosure := range one.Ended {
		p.gone[disclosure] = true
	}
}

func (p *partner) keep(one line) {
	raw, err := json.Marshal(one)
	check(err)
	_, err = p.journal.Write(append(raw, '\n'))
	check(err)
	check(p.journal.Sync())
	p.learn(one)
}

// take does one record: on disk, handed out once, answered, in that order; only then may its offset be committed.
func (p *partner) take(record *kgo.Record) {
	found, err := p.verified(record)
	if err == nil && !p.handled[found.ID] {
		err = p.handle(found)
	}
	var no refused
	if errors.As(err, &no) {
		fmt.Fprintln(os.Stderr, "refused:", no.reason)
		if no.event == nil {
			return
		}
		found = no.event
	}
	if kid, ok := p.addressed(found); ok && p.kindOf(kid) != "" {
		p.receipt(found, p.kindOf(kid), no.reason)
	}
}

func (p *partner) handle(found *event) error {
	inside, ended, err := p.opened(found)
	if err != nil {
		return err
	}
	if found.number <= p.latest[found.PartitionKey] {
		return refused{"sequence_replayed", found}
	}
	shown := found.change == "recalled" || !p.gone[found.CorrelationID]
	if shown {
		out, err := json.Marshal(map[string]any{"event_id": found.ID, "disclosure_id": found.CorrelationID, "record_kind": found.kind,
			"change": found.change, "receiver_kind": inside.Aud, "fields": inside.Fields})
		check(err)
		fmt.Println(string(out))
	}
	// Handed out first: a crash in between hands it out again, and loses nothing. With a database of yours, one transaction does both.
	p.keep(line{found.ID, found.PartitionKey, found.number, ended})
	return nil
}

// lookAhead learns what is recalled or replaced among what is already there: whoever was away for a day hands none of it out.
func (p *partner) lookAhead(options []kgo.Opt) {
	ends, err := kadm.NewClient(p.client).ListEndOffsets(context.Background(), p.kit.ShareTopic)
	check(err)
	starts, err := kadm.NewClient(p.client).ListStartOffsets(context.Background(), p.kit.ShareTopic)
	check(err)
	left := map[int32]int64{}
	from := map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, _ := starts.Lookup(end.Topic, end.Partition); end.Offset > start.Offset {
			left[end.Partition], from[end.Partition] = end.Offset, kgo.NewOffset().At(start.Offset)
		}
	})
	if len(left) == 0 {
		return
	}
	scan, err := kgo.NewClient(append(slices.Clone(options), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.kit.ShareTopic: from}))...)
	check(err)
	defer scan.Close()
	for len(left) > 0 {
		scan.PollFetches(context.Background()).EachRecord(func(record *kgo.Record) {
			if found, err := p.verified(record); err == nil {
				if _, ended, err := p.opened(found); err == nil {
					p.learn(line{Ended: ended})
				}
			}
			if record.Offset+1 >= left[record.Partition] {
				delete(left, record.Partition)
			}
		})
	}
}

func main() {
	p := &partner{folder: os.Args[1], handled: map[string]bool{}, latest: map[string]int64{}, gone: map[string]bool{}}
	check(toml.Unmarshal(p.file("partner.toml"), &p.kit))
	p.own, p.kommun = p.keys(p.kit.Keys.PrivateFile), p.keys(p.kit.Keys.KommunFile)
	journal, err := os.OpenFile(filepath.Join(p.folder, "handled.jsonl"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	check(err)
	p.journal = journal
	for _, raw := range bytes.Split(p.file("handled.jsonl"), []byte("\n")) {
		var one line
		if json.Unmarshal(raw, &one) == nil {
			p.learn(one)
		}
	}
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(p.file(p.kit.Kafka.CaFile))
	password := strings.TrimSpace(string(p.file(p.kit.Kafka.PasswordFile)))
	options := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(p.kit.Kafka.BootstrapServers, ",")...),
		kgo.DialTLSConfig(&tls.Config{RootCAs: authority}),
		kgo.SASL(scram.Auth{User: p.kit.Kafka.Username, Pass: password}.AsSha512Mechanism()),
	}
	p.client, err = kgo.NewClient(append(slices.Clone(options), kgo.ConsumerGroup(p.kit.GroupPrefix+"inbox"), kgo.ConsumeTopics(p.kit.ShareTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.SessionTimeout(sessionTimeout))...)
	check(err)
	defer p.client.Close()
	p.lookAhead(options)
	stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for stopped.Err() == nil {
		fetches := p.client.PollFetches(stopped)
		fetches.EachError(func(topic string, partition int32, err error) {
			if !errors.Is(err, context.Canceled) {
				fmt.Fprintln(os.Stderr, topic, partition, err)
			}
		})
		fetches.EachRecord(p.take)
		if fetches.NumRecords() > 0 {
			check(p.client.CommitUncommittedOffsets(context.Background()))
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
