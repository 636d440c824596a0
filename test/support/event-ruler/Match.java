import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import software.amazon.event.ruler.Machine;

/** The first line: rules by name. Each further line: an event, answered by the names of the rules that match it. */
public class Match {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper json = new ObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Machine machine = new Machine();
    Iterator<Map.Entry<String, JsonNode>> rules = json.readTree(lines.readLine()).fields();
    while (rules.hasNext()) {
      Map.Entry<String, JsonNode> rule = rules.next();
      machine.addRule(rule.getKey(), rule.getValue().toString());
    }
    for (String line = lines.readLine(); line != null; line = lines.readLine())
      System.out.println(json.writeValueAsString(machine.rulesForJSONEvent(line)));
  }
}
