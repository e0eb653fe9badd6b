// A producer that is not ours: Kafka's own client, Avro's own library, a schema registered by plain HTTP.
//   java -cp 'lib/*' Produce.java BROKERS REGISTRY TOPIC SCHEMA_FILE COUNT
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Produce {
  public static void main(String[] args) throws Exception {
    String topic = args[2];
    String text = Files.readString(Path.of(args[3]));
    int count = Integer.parseInt(args[4]);
    Schema schema = new Schema.Parser().parse(text);
    int id = register(args[1], topic + "-value", text);
    Map<String, Object> settings = Map.of("bootstrap.servers", args[0], "acks", "all", "compression.type", "gzip");
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < count; i++) {
        GenericRecord event = new GenericData.Record(schema);
        Map<String, Object> properties = new HashMap<>();
        properties.put("n", (double) i);
        properties.put("name", "Ünï");
        properties.put("none", null);
        event.put("eventId", "java-" + i);
        event.put("tenantId", "t");
        event.put("userId", "user-" + i);
        event.put("sessionId", i % 2 == 0 ? null : "s" + i);
        event.put("occurredAt", 1_700_000_000_000L + i);
        event.put("type", "product_view");
        event.put("properties", properties);
        if (schema.getField("channel") != null) event.put("channel", "app");
        var bytes = new ByteArrayOutputStream();
        var frame = new DataOutputStream(bytes);
        frame.writeByte(0);
        frame.writeInt(id);
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(schema).write(event, encoder);
        encoder.flush();
        producer.send(new ProducerRecord<>(topic, null, 1_700_000_000_000L + i, "t/user-" + i, bytes.toByteArray())).get();
      }
    }
  }

  static int register(String registry, String subject, String schema) throws Exception {
    String quoted = schema.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    var request = HttpRequest.newBuilder(URI.create(registry + "/subjects/" + subject + "/versions"))
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .POST(HttpRequest.BodyPublishers.ofString("{\"schema\":\"" + quoted + "\"}"))
        .build();
    String answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
    Matcher id = Pattern.compile("\"id\"\\s*:\\s*(\\d+)").matcher(answer);
    if (!id.find()) throw new IllegalStateException("the registry says " + answer);
    return Integer.parseInt(id.group(1));
  }
}
