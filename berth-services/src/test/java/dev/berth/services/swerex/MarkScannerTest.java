package dev.berth.services.swerex;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Marks and text are told apart, however the bytes come. */
class MarkScannerTest {
  private static final String TOKEN = "0123456789abcdef";

  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private final List<String> marks = new ArrayList<>();
  private final MarkScanner scanner =
      new MarkScanner(
          new MarkScanner.Sink() {
            @Override
            public void text(byte[] bytes, int from, int to) {
              text.write(bytes, from, to - from);
            }

            @Override
            public boolean mark(char kind, String token, int code, boolean folded) {
              if (!token.equals(TOKEN)) {
                return false;
              }
              marks.add(kind + ":" + code + (folded ? ":folded" : ""));
              return true;
            }
          });

  private void feed(String part) {
    byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
    scanner.feed(bytes, 0, bytes.length);
  }

  private String text() {
    return text.toString(StandardCharsets.UTF_8);
  }

  @Test
  void marksInText() {
    feed(
        "a\u001es"
            + TOKEN
            + ":0\n\u001eb\u001ee"
            + TOKEN
            + ":130\r\n\u001e\u001ep"
            + TOKEN
            + ":7\u001ec");
    assertThat(text()).isEqualTo("abc");
    assertThat(marks).containsExactly("s:0", "e:130:folded", "p:7");
  }

  @Test
  void byteByByte() {
    for (char c : ("a\u001ee" + TOKEN + ":0\n\u001eb").toCharArray()) {
      feed(String.valueOf(c));
    }
    assertThat(text()).isEqualTo("ab");
    assertThat(marks).containsExactly("e:0");
  }

  @Test
  void whatOnlyLooksLikeAMarkIsText() {
    for (String no :
        List.of(
            "\u001e\u001e",
            "\u001ee\u001e",
            "\u001ee" + TOKEN + "\u001e",
            "\u001ee" + TOKEN + ":\u001e",
            "\u001ee" + TOKEN + ":x\u001e",
            "\u001ee" + TOKEN + ":1\n\n\u001e",
            "\u001ee" + TOKEN + ":99999999999999\u001e",
            "\u001ee" + TOKEN.replace('0', '1') + ":0\n\u001e",
            "\u001e" + "x".repeat(100))) {
      text.reset();
      feed(no + "\u001ee" + TOKEN + ":5\n\u001e");
      scanner.end();
      assertThat(text()).isEqualTo(no);
      assertThat(marks).as(no).containsExactly("e:5");
      marks.clear();
    }
  }

  @Test
  void nothingIsLostInNoise() {
    Random random = new Random(1);
    String alphabet = "\u001e:\n\rep01" + TOKEN;
    for (int round = 0; round < 300; round++) {
      text.reset();
      StringBuilder noise = new StringBuilder();
      for (int i = random.nextInt(300); i > 0; i--) {
        noise.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      byte[] bytes = noise.toString().getBytes(StandardCharsets.UTF_8);
      for (int at = 0; at < bytes.length; ) {
        int to = Math.min(bytes.length, at + 1 + random.nextInt(40));
        scanner.feed(bytes, at, to);
        at = to;
      }
      scanner.end();
      assertThat(text()).isEqualTo(noise.toString());
    }
    assertThat(marks).isEmpty();
  }
}
