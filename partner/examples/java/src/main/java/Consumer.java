// A conforming consumer in Java: kafka-clients, Nimbus JOSE, nothing of los. Run: java -cp … Consumer KIT_FOLDER
// Prints one JSON object a line for each event that it hands out; what it says of itself goes to stderr.

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.ECDHEncrypter;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.JSONObjectUtils;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;

final class Consumer {
  private static final String CONTENT_TYPE = "application/cloudevents+json; charset=UTF-8";
  private static final int VALUE_BYTES_MAX = 90_000;
  private static final Duration SKEW = Duration.ofSeconds(60);
  private static final Pattern TYPE = Pattern.compile("se\\.los\\.([a-z_]+)\\.(shared|corrected|recalled)\\.v1");
  private static final Pattern SEQUENCE = Pattern.compile("[1-9][0-9]{0,17}");

  /** Why an event is not taken. With an event the kommun gets to know; without, it was forged and gets silence. */
  private static final class Refused extends Exception {
    final Event event;

    Refused(String reason, Event event) {
      super(reason, null, false, false);
      this.event = event;
    }
  }

  private record Key(ECKey key, long nbf, long exp, boolean revoked) {
    boolean usable() {
      long now = Instant.now().getEpochSecond();
      return !revoked && nbf <= now && now < exp;
    }
  }

  private record Event(String id, String key, long sequence, String disclosure, String kind, String change, String expiry, String classification, String data) {}

  private record Content(String aud, Map<String, Object> fields, List<String> ended) {}

  private final Path folder;
  private final TomlParseResult kit;
  private final List<Key> own;
  private final List<Key> kommun;
  private final List<String> kinds = new ArrayList<>();
  // What has been handled, on disk before anything is said of it: id, key, sequence, and what is recalled or replaced.
  private final Path journal;
  private final Set<String> handled = new HashSet<>();
  private final Map<String, Long> latest = new HashMap<>();
  private final Set<String> gone = new HashSet<>();
  private final KafkaProducer<byte[], byte[]> producer;

  private Consumer(Path folder) throws Exception {
    this.folder = folder;
    kit = Toml.parse(folder.resolve("partner.toml"));
    own = keys(kit.getString("keys.private_file"));
    kommun = keys(kit.getString("keys.kommun_file"));
    kit.getArray("receiver_kinds").toList().forEach(kind -> kinds.add((String) kind));
    journal = folder.resolve("handled.jsonl");
    if (Files.exists(journal)) {
      for (String line : Files.readAllLines(journal)) learn(JSONObjectUtils.parse(line));
    }
    Properties settings = client();
    settings.put("enable.idempotence", "true");
    settings.put("acks", "all");
    producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private List<Key> keys(String name) throws Exception {
    List<Key> found = new ArrayList<>();
    for (Map<String, Object> one : JSONObjectUtils.getJSONObjectArray(JSONObjectUtils.parse(Files.readString(folder.resolve(name))), "keys")) {
      long nbf = one.get("nbf") instanceof Number number ? number.longValue() : 0;
      long exp = one.get("exp") instanceof Number number ? number.longValue() : Long.MAX_VALUE;
      found.add(new Key(ECKey.parse(one), nbf, exp, one.containsKey("revoked")));
    }
    return found;
  }

  private static ECKey newest(List<Key> keys, Predicate<ECKey> fits) {
    return keys.stream().filter(one -> one.usable() && fits.test(one.key()))
        .max(Comparator.comparingLong(Key::nbf).thenComparing(one -> one.key().getKeyID())).orElseThrow().key();
  }

  private String kindOf(String kid) {
    return kinds.stream().filter(kind -> kid.matches(Pattern.quote(kind) + "-\\d{4}-\\d+")).findFirst().orElse(null);
  }

  private static void must(boolean holds, String reason, Event event) throws Refused {
    if (!holds) throw new Refused(reason, event);
  }

  /** The event, shown to come from the kommun and to be where it belongs. */
  private Event verified(ConsumerRecord<byte[], byte[]> record) throws Refused {
    byte[] value = record.value() == null ? new byte[0] : record.value();
    must(value.length <= VALUE_BYTES_MAX, "too_large", null);
    Map<String, String> headers = new HashMap<>();
    int count = 0;
    for (Header header : record.headers()) {
      must(Set.of("content-type", "los-signature").contains(header.key()), "header_unknown", null);
      headers.put(header.key(), header.value() == null ? "" : new String(header.value(), StandardCharsets.UTF_8));
      count++;
    }
    must(count == 2 && headers.size() == 2, "header_missing", null);
    must(headers.get("content-type").equals(CONTENT_TYPE), "content_type", null);
    String[] segments = headers.get("los-signature").split("\\.", -1);
    must(segments.length == 3 && segments[1].isEmpty(), "signature_form", null);
    Map<String, Object> header = header(segments[0], "signature_form", null);
    must("ES256".equals(header.get("alg")), "signature_algorithm", null);
    must(header.keySet().equals(Set.of("alg", "kid")), "signature_form", null);
    Key signer = kommun.stream().filter(one -> one.key().getKeyID().equals(header.get("kid")) && one.key().getKeyUse() != null
        && one.key().getKeyUse().identifier().equals("sig") && one.usable()).findFirst().orElse(null);
    must(signer != null, "signature_key_unknown", null);
    try {
      JWSObject token = JWSObject.parse(headers.get("los-signature"), new Payload(value));
      must(token.verify(new ECDSAVerifier(signer.key())), "signature_invalid", null);
    } catch (ParseException | JOSEException error) {
      throw new Refused("signature_invalid", null);
    }
    Map<String, Object> event = json(new String(value, StandardCharsets.UTF_8), "event_malformed", null);
    Matcher type = TYPE.matcher(text(event, "type"));
    must(type.matches() && SEQUENCE.matcher(text(event, "sequence")).matches() && text(event, "specversion").equals("1.0")
        && !text(event, "id").isEmpty() && !text(event, "data").isEmpty(), "event_malformed", null);
    String key = record.key() == null ? "" : new String(record.key(), StandardCharsets.UTF_8);
    must(key.equals(text(event, "partitionkey")), "key_mismatch", null);
    must(record.topic().equals(kit.getString("share_topic")), "topic_mismatch", null);
    must(text(event, "source").equals(kit.getString("kommun_source")), "source_mismatch", null);
    return new Event(text(event, "id"), key, Long.parseLong(text(event, "sequence")), text(event, "correlationid"), type.group(1), type.group(2),
        text(event, "expirytime"), text(event, "dataclassification"), text(event, "data"));
  }

  /** The content, and the disclosures that it recalls or replaces. */
  private Content opened(Event event) throws Refused {
    boolean inTime;
    try {
      inTime = OffsetDateTime.parse(event.expiry()).toInstant().isAfter(Instant.now().minus(SKEW));
    } catch (RuntimeException error) {
      throw new Refused("event_malformed", event);
    }
    must(inTime, "expired", event);
    Map<String, Object> header = header(event.data().split("\\.", 2)[0], "encryption_form", event);
    must(header.keySet().equals(Set.of("alg", "enc", "typ", "cty", "kid", "epk")) && "ECDH-ES+A256KW".equals(header.get("alg"))
        && "A256GCM".equals(header.get("enc")) && "JOSE".equals(header.get("typ")) && "application/json".equals(header.get("cty")), "encryption_form", event);
    Key key = own.stream().filter(one -> one.key().getKeyID().equals(header.get("kid")) && one.usable()).findFirst().orElse(null);
    must(key != null, "encryption_key_unknown", event);
    Map<String, Object> content;
    try {
      JWEObject token = JWEObject.parse(event.data());
      token.decrypt(new ECDHDecrypter(key.key()));
      content = json(token.getPayload().toString(), "content_malformed", event);
    } catch (ParseException | JOSEException error) {
      throw new Refused("encryption_invalid", event);
    }
    Map<String, Object> fields = new TreeMap<>();
    must(content.get("fields") instanceof Map<?, ?>, "content_malformed", event);
    for (Map.Entry<?, ?> one : ((Map<?, ?>) content.get("fields")).entrySet()) {
      boolean texts = one.getValue() instanceof List<?> list && list.stream().allMatch(String.class::isInstance);
      must(one.getValue() instanceof String || texts, "content_malformed", event);
      fields.put((String) one.getKey(), one.getValue());
    }
    List<String> ended = new ArrayList<>();
    if (content.get("replaces") instanceof List<?> replaces) replaces.forEach(one -> ended.add(String.valueOf(one)));
    must(text(content, "aud").equals(kindOf(key.key().getKeyID())), "aud_mismatch", event);
    must(text(content, "disclosure_id").equals(event.disclosure()), "disclosure_mismatch", event);
    must(text(content, "record_kind").equals(event.kind()), "kind_mismatch", event);
    must(ended.isEmpty() != event.change().equals("corrected"), "content_malformed", event);
    must(!event.change().equals("recalled") || fields.isEmpty(), "content_malformed", event);
    if (event.change().equals("recalled")) ended.add(event.disclosure());
    return new Content(text(content, "aud"), fields, ended);
  }

  private static Map<String, Object> header(String segment, String reason, Event event) throws Refused {
    return json(new Base64URL(segment).decodeToString(), reason, event);
  }

  private static Map<String, Object> json(String text, String reason, Event event) throws Refused {
    try {
      return JSONObjectUtils.parse(text);
    } catch (ParseException | RuntimeException | StackOverflowError error) {
      throw new Refused(reason, event);
    }
  }

  private static String text(Map<String, Object> from, String name) {
    return from.get(name) instanceof String word ? word : "";
  }

  /** A receipt: its id follows from the event and what is said, so that the same receipt sent twice is one. */
  private void receipt(Event event, String kind, String reason) throws Exception {
    Map<String, Object> said = new TreeMap<>();
    said.put("status", reason == null ? "received" : "refused");
    if (reason != null) said.put("reason", reason);
    Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    Map<String, Object> body = new TreeMap<>(said);
    body.putAll(Map.of("aud", "kommun", "disclosure_id", event.disclosure(), "event_id", event.id(), "receiver_kind", kind, "time", now.toString()));
    ECKey to = newest(kommun, key -> key.getKeyUse() != null && key.getKeyUse().identifier().equals("enc"));
    ECKey from = newest(own, key -> kind.equals(kindOf(key.getKeyID())));
    JWEObject data = new JWEObject(new JWEHeader.Builder(JWEAlgorithm.ECDH_ES_A256KW, EncryptionMethod.A256GCM).type(JOSEObjectType.JOSE)
        .contentType("application/json").keyID(to.getKeyID()).build(), new Payload(body));
    data.encrypt(new ECDHEncrypter(to.toPublicJWK()));
    Map<String, Object> outside = new TreeMap<>();
    outside.put("specversion", "1.0");
    outside.put("id", uuid5(event.id(), "se.los.receipt.v1" + JSONObjectUtils.toJSONString(said)));
    outside.put("source", "urn:los:agency:" + kit.getString("agency"));
    outside.put("type", "se.los.receipt.v1");
    outside.put("time", now.toString());
    outside.put("datacontenttype", "application/jose");
    outside.put("partitionkey", event.key());
    outside.put("correlationid", event.disclosure());
    outside.put("recordedtime", now.toString());
    outside.put("expirytime", now.plus(30, ChronoUnit.DAYS).toString());
    outside.put("dataclassification", event.classification());
    outside.put("data", data.serialize());
    byte[] value = JSONObjectUtils.toJSONString(outside).getBytes(StandardCharsets.UTF_8);
    JWSObject token = new JWSObject(new JWSHeader.Builder(JWSAlgorithm.ES256).keyID(from.getKeyID()).build(), new Payload(value));
    token.sign(new ECDSASigner(from));
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(kit.getString("reply_topic"), event.key().getBytes(StandardCharsets.UTF_8), value);
    record.headers().add("content-type", CONTENT_TYPE.getBytes(StandardCharsets.UTF_8));
    record.headers().add("los-signature", token.serialize(true).getBytes(StandardCharsets.UTF_8));
    producer.send(record).get();
  }

  private static String uuid5(String namespace, String name) throws Exception {
    UUID space = UUID.fromString(namespace);
    MessageDigest digest = MessageDigest.getInstance("SHA-1");
    digest.update(java.nio.ByteBuffer.allocate(16).putLong(space.getMostSignificantBits()).putLong(space.getLeastSignificantBits()).array());
    java.nio.ByteBuffer hash = java.nio.ByteBuffer.wrap(digest.digest(name.getBytes(StandardCharsets.UTF_8)));
    return new UUID((hash.getLong() & ~0xF000L) | 0x5000L, (hash.getLong() & 0x3FFFFFFFFFFFFFFFL) | 0x8000000000000000L).toString();
  }

  private void learn(Map<String, Object> line) {
    if (line.get("id") instanceof String id) {
      handled.add(id);
      latest.merge((String) line.get("key"), ((Number) line.get("sequence")).longValue(), Math::max);
    }
    ((List<?>) line.get("ended")).forEach(one -> gone.add((String) one));
  }

  private void keep(Event event, List<String> ended) throws Exception {
    Map<String, Object> line = Map.of("id", event.id(), "key", event.key(), "sequence", event.sequence(), "ended", ended);
    Files.writeString(journal, JSONObjectUtils.toJSONString(line) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.SYNC);
    learn(line);
  }

  /** One record: on disk, handed out once, answered, in that order; only then may its offset be committed. */
  private void take(ConsumerRecord<byte[], byte[]> record) throws Exception {
    try {
      Event event = verified(record);
      if (!handled.contains(event.id())) {
        Content content = opened(event);
        must(event.sequence() > latest.getOrDefault(event.key(), 0L), "sequence_replayed", event);
        boolean shown = event.change().equals("recalled") || !gone.contains(event.disclosure());
        if (shown) {
          System.out.println(JSONObjectUtils.toJSONString(Map.of("event_id", event.id(), "disclosure_id", event.disclosure(), "record_kind", event.kind(),
              "change", event.change(), "receiver_kind", content.aud(), "fields", content.fields())));
          System.out.flush();
        }
        // Handed out first: a crash in between hands it out again, and loses nothing. With a database of yours, one transaction does both.
        keep(event, content.ended());
      }
      receipt(event, addressed(event), null);
    } catch (Refused refused) {
      System.err.println("refused: " + refused.getMessage());
      String kind = refused.event == null ? null : addressed(refused.event);
      if (kind != null) receipt(refused.event, kind, refused.getMessage());
    }
  }

  private String addressed(Event event) {
    try {
      return kindOf(text(header(event.data().split("\\.", 2)[0], "", null), "kid"));
    } catch (Refused refused) {
      return null;
    }
  }

  private Properties client() throws Exception {
    String password = Files.readString(folder.resolve(kit.getString("kafka.password_file"))).strip();
    Properties settings = new Properties();
    settings.put("bootstrap.servers", kit.getString("kafka.bootstrap_servers"));
    settings.put("security.protocol", "SASL_SSL");
    settings.put("ssl.truststore.type", "PEM");
    settings.put("ssl.truststore.location", folder.resolve(kit.getString("kafka.ca_file")).toString());
    settings.put("sasl.mechanism", "SCRAM-SHA-512");
    settings.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required username=\""
        + kit.getString("kafka.username") + "\" password=\"" + password + "\";");
    return settings;
  }

  private KafkaConsumer<byte[], byte[]> consumer(String group) throws Exception {
    Properties settings = client();
    settings.put("group.id", kit.getString("group_prefix") + group);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "50");
    settings.put("session.timeout.ms", "6000"); // how soon a new process gets the partitions of one that died
    settings.put("heartbeat.interval.ms", "2000");
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** What is recalled or replaced among what is already there: whoever was away for a day hands none of it out. */
  private void lookAhead() throws Exception {
    try (KafkaConsumer<byte[], byte[]> scan = consumer("scan." + UUID.randomUUID())) {
      List<TopicPartition> places = scan.partitionsFor(kit.getString("share_topic")).stream().map(one -> new TopicPartition(one.topic(), one.partition())).toList();
      scan.assign(places);
      scan.seekToBeginning(places);
      Map<TopicPartition, Long> ends = scan.endOffsets(places);
      while (places.stream().anyMatch(place -> scan.position(place) < ends.get(place))) {
        for (ConsumerRecord<byte[], byte[]> record : scan.poll(Duration.ofMillis(500))) {
          try {
            gone.addAll(opened(verified(record)).ended());
          } catch (Refused refused) {
            continue; // it is refused again, and answered, when it is its turn
          }
        }
      }
    }
  }

  private void run() throws Exception {
    lookAhead();
    KafkaConsumer<byte[], byte[]> consumer = consumer("inbox");
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      consumer.wakeup();
      try {
        ended.await();
      } catch (InterruptedException error) {
        Thread.currentThread().interrupt();
      }
    }));
    consumer.subscribe(List.of(kit.getString("share_topic")));
    try {
      while (true) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) take(record);
        consumer.commitSync();
      }
    } catch (WakeupException stopped) {
      producer.close();
    } finally {
      consumer.close();
      ended.countDown();
    }
  }

  public static void main(String[] arguments) throws Exception {
    new Consumer(Path.of(arguments[0])).run();
  }
}
