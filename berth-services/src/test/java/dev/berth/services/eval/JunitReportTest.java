package dev.berth.services.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.charset.StandardCharsets;
import java.util.List;
import javax.xml.stream.XMLStreamException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class JunitReportTest {
  private static final String REPORT =
      """
      <?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
      <testcase classname="tests.test_a.TestX" name="test_good" time="0.1"/>
      <testcase classname="tests.test_a.TestX" name="test_bad"><failure message="no">F</failure></testcase>
      <testcase classname="tests.test_a" name="test_p[a::b/c]"><system-out>o</system-out></testcase>
      <testcase classname="tests.test_a" name="test_skipped"><skipped/></testcase>
      <testcase classname="tests.test_a" name="test_torn"/>
      <testcase classname="tests.test_a" name="test_torn"><error>teardown</error></testcase>
      </testsuite></testsuites>
      """;

  @Test
  void findsTestsByAnyOfTheirNames() throws XMLStreamException {
    List<String> good =
        List.of(
            "tests/test_a.py::TestX::test_good",
            "tests.test_a.TestX.test_good",
            "test_good (tests.test_a.TestX)",
            "tests/test_a.py::test_p[a::b/c]");
    List<String> others =
        List.of(
            "tests/test_a.py::TestX::test_bad",
            "tests/test_a.py::test_skipped",
            "tests/test_a.py::test_torn",
            "tests/test_a.py::test_not_there");
    JunitReport report = read(REPORT, good, others);
    assertThat(good).allMatch(report::passed);
    assertThat(others).noneMatch(report::passed);
    assertThat(report.passedOf(good)).isEqualTo(4);
  }

  @Test
  @Timeout(20)
  void aHostileReportReadsNothingAndBuildsNothing() {
    String entity = "<!DOCTYPE r [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    String bomb =
        "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    for (String start :
        List.of(entity + "<r>&e;</r>", bomb + "<r>&b;</r>", "no xml", "<r><a></r>", "")) {
      assertThatExceptionOfType(XMLStreamException.class)
          .as(start)
          .isThrownBy(() -> read(start, List.of("t"), List.of()));
    }
  }

  @Test
  @Timeout(20)
  void depthIsNoProblem() throws XMLStreamException {
    String deep = "<r>".repeat(200_000) + "</r>".repeat(200_000);
    try {
      assertThat(read(deep, List.of("t"), List.of()).passed("t")).isFalse();
    } catch (XMLStreamException e) {
      // The parser's own limit on depth, which is as good.
      assertThat(e).isNotNull();
    }
  }

  private static JunitReport read(String xml, List<String> some, List<String> more)
      throws XMLStreamException {
    List<String> all = new java.util.ArrayList<>(some);
    all.addAll(more);
    return JunitReport.read(xml.getBytes(StandardCharsets.UTF_8), all);
  }
}
