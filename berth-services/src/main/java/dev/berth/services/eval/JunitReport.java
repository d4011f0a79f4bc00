package dev.berth.services.eval;

import java.io.ByteArrayInputStream;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Which tests passed, by the JUnit XML that a test command has left. The file comes out of a
 * sandbox: no document type, no entity of its own and nothing outside is read, and only the tests
 * asked for are kept.
 *
 * <p>Names are compared as {@code module.Class.test}: pytest's {@code dir/file.py::Class::test},
 * unittest's {@code test (module.Class)} and the report's own {@code classname} and {@code name}
 * all come to that.
 */
final class JunitReport {
  private static final Pattern UNITTEST = Pattern.compile("(\\S+) \\(([\\w.]+)\\)");
  private static final XMLInputFactory XML = XMLInputFactory.newDefaultFactory();

  static {
    XML.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    XML.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
  }

  private final Set<String> passed;

  private JunitReport(Set<String> passed) {
    this.passed = passed;
  }

  /** Nothing passed: the command has left no report. */
  static JunitReport none() {
    return new JunitReport(Set.of());
  }

  /**
   * Looks for these tests. One that stands there twice has passed if it did each time.
   *
   * @throws XMLStreamException if that is no such report
   */
  static JunitReport read(byte[] xml, Collection<String> wanted) throws XMLStreamException {
    Set<String> names = new HashSet<>();
    wanted.forEach(test -> names.add(dotted(test)));
    Map<String, Boolean> found = new HashMap<>();
    XMLStreamReader reader = XML.createXMLStreamReader(new ByteArrayInputStream(xml));
    try {
      String test = "";
      boolean good = false;
      while (reader.hasNext()) {
        int event = reader.next();
        if (event == XMLStreamConstants.START_ELEMENT) {
          switch (reader.getLocalName()) {
            case "testcase" -> {
              test = name(reader);
              good = true;
            }
            case "failure", "error", "skipped" -> good = false;
            default -> {}
          }
        } else if (event == XMLStreamConstants.END_ELEMENT
            && reader.getLocalName().equals("testcase")
            && names.contains(test)) {
          found.merge(test, good, Boolean::logicalAnd);
        }
      }
    } finally {
      reader.close();
    }
    Set<String> passed = new HashSet<>();
    found.forEach((test, good) -> {
      if (good) {
        passed.add(test);
      }
    });
    return new JunitReport(passed);
  }

  /** Whether a test is there and has neither failed nor been skipped. */
  boolean passed(String test) {
    return passed.contains(dotted(test));
  }

  long passedOf(Collection<String> tests) {
    return tests.stream().filter(this::passed).count();
  }

  private static String name(XMLStreamReader reader) {
    String type = reader.getAttributeValue(null, "classname");
    String name = reader.getAttributeValue(null, "name");
    return (type == null || type.isEmpty() ? "" : type + ".") + (name == null ? "" : name);
  }

  static String dotted(String test) {
    int end = test.indexOf("::");
    if (end >= 0) {
      String file = test.substring(0, end);
      String module = file.endsWith(".py") ? file.substring(0, file.length() - 3) : file;
      String rest = test.substring(end + 2);
      int parameters = rest.indexOf('[');
      String head = parameters < 0 ? rest : rest.substring(0, parameters);
      return module.replace('/', '.')
          + "."
          + head.replace("::", ".")
          + (parameters < 0 ? "" : rest.substring(parameters));
    }
    Matcher unittest = UNITTEST.matcher(test);
    return unittest.matches() ? unittest.group(2) + "." + unittest.group(1) : test;
  }
}
