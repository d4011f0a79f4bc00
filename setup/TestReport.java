import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Counts what the test reports of several runs say: {@code java TestReport.java (LABEL=FOLDER | LABEL:PASSED:FAILED:SKIPPED[:REASON])…},
 * FOLDER being a checkout with Surefire and Failsafe reports in its modules. Fails if a test failed or none ran.
 */
final class TestReport {
  static final class Count {
    int passed;
    int failed;
    int skipped;
  }

  public static void main(String[] args) throws Exception {
    Map<String, Count> rows = new TreeMap<>();
    List<String> failures = new ArrayList<>();
    Map<String, Integer> skips = new TreeMap<>();
    for (String arg : args) {
      int colon = arg.indexOf(':');
      int equal = arg.indexOf('=');
      if (equal > 0 && (colon < 0 || equal < colon)) {
        read(arg.substring(0, equal), Path.of(arg.substring(equal + 1)), rows, failures, skips);
      } else {
        String[] part = arg.split(":", 5);
        Count row = rows.computeIfAbsent(part[0], key -> new Count());
        row.passed += Integer.parseInt(part[1]);
        row.failed += Integer.parseInt(part[2]);
        int skipped = Integer.parseInt(part[3]);
        row.skipped += skipped;
        if (skipped > 0) {
          skips.merge(part[0] + ": " + (part.length > 4 ? part[4] : "no reason given"), skipped, Integer::sum);
        }
      }
    }

    Count all = new Count();
    System.out.printf("%n%-36s %7s %7s %7s%n", "", "passed", "failed", "skipped");
    rows.forEach((name, row) -> {
      System.out.printf("%-36s %7d %7d %7d%n", name, row.passed, row.failed, row.skipped);
      all.passed += row.passed;
      all.failed += row.failed;
      all.skipped += row.skipped;
    });
    if (!skips.isEmpty()) {
      System.out.printf("%nSkipped:%n");
      skips.forEach((what, times) -> System.out.println("  " + what + (times > 1 ? " (" + times + ")" : "")));
    }
    if (!failures.isEmpty()) {
      System.out.printf("%nFailed:%n");
      failures.forEach(failure -> System.out.println("  " + failure));
    }
    System.out.printf("%n%d passed, %d failed, %d skipped%n", all.passed, all.failed, all.skipped);
    System.exit(all.failed > 0 || all.passed == 0 ? 1 : 0);
  }

  private static void read(String label, Path root, Map<String, Count> rows, List<String> failures, Map<String, Integer> skips)
      throws Exception {
    for (Path report : reports(root)) {
      String module = label + " " + root.relativize(report).getName(0);
      Count row = rows.computeIfAbsent(module, key -> new Count());
      Element suite;
      try {
        suite = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile()).getDocumentElement();
      } catch (org.xml.sax.SAXException e) {
        row.failed++;
        failures.add(module + ": unreadable report " + report.getFileName() + ": " + e.getMessage());
        continue;
      }
      var cases = suite.getElementsByTagName("testcase");
      Map<String, List<String>> why = new TreeMap<>();
      for (int i = 0; i < cases.getLength(); i++) {
        Element test = (Element) cases.item(i);
        String suiteName = test.getAttribute("classname");
        String name = module + ": " + suiteName.substring(suiteName.lastIndexOf('.') + 1) + "." + test.getAttribute("name");
        Element failed = child(test, "failure", "error");
        Element skipped = child(test, "skipped");
        if (failed != null) {
          row.failed++;
          failures.add(name + " – " + firstLine(failed));
        } else if (skipped != null) {
          row.skipped++;
          why.computeIfAbsent(firstLine(skipped), key -> new ArrayList<>()).add(name);
        } else {
          row.passed++;
        }
      }
      why.forEach((reason, names) -> {
        // What is skipped as one is told as one.
        boolean whole = names.size() > 1 && names.size() == cases.getLength();
        String all = names.get(0).substring(0, names.get(0).lastIndexOf(": ") + 2) + suite.getAttribute("name");
        names.forEach(name -> skips.merge((whole ? all : name) + " – " + reason, 1, Integer::sum));
      });
    }
  }

  private static List<Path> reports(Path root) throws IOException {
    try (Stream<Path> files = Files.find(root, 4, (path, attributes) ->
        path.getFileName().toString().matches("TEST-.*\\.xml") && path.getParent().getFileName().toString().matches("(surefire|failsafe)-reports"))) {
      return files.sorted().toList();
    }
  }

  private static Element child(Element of, String... names) {
    for (Node node = of.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element element && List.of(names).contains(element.getTagName())) {
        return element;
      }
    }
    return null;
  }

  private static String firstLine(Element of) {
    String message = of.getAttribute("message").isBlank() ? of.getTextContent() : of.getAttribute("message");
    String line = message.strip().lines().findFirst().orElse("");
    return line.isEmpty() ? "no reason given" : line.replaceFirst("^(Assumption failed: |.*TestAbortedException: )+", "");
  }
}
