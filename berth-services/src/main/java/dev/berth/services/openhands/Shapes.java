package dev.berth.services.openhands;

import dev.berth.RequestException;
import dev.berth.services.openhands.OpenHandsException.Failure;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads what a server sent as what it must be, and refuses it otherwise. */
final class Shapes {
  /** Ids go into paths of later calls: nothing else may get there. */
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  private static final int MOST_PAGE_ID = 512;

  private Shapes() {}

  static OpenHandsException wrong(String call, String found) {
    return new OpenHandsException(
        Failure.MALFORMED,
        "Tried to read the agent server's answer to "
            + call
            + ", but it is not what its interface says: "
            + found
            + ".");
  }

  /** A text; empty for whatever is none. */
  static String text(JsonNode node) {
    return node.isString() ? node.stringValue() : "";
  }

  static String id(JsonNode of, String call) {
    String id = Shapes.text(of.path("id"));
    if (!ID.matcher(id).matches()) {
      throw wrong(call, "an id that is none");
    }
    return id;
  }

  /** A caller's id, fit to stand in a path. */
  static String part(String id) {
    if (!ID.matcher(id).matches()) {
      throw new RequestException("Tried to use '" + id + "' as a conversation's id; it is none.");
    }
    return id;
  }

  /** The items of a page, objects all of them. */
  static List<JsonNode> items(JsonNode page, int most, String call) {
    JsonNode items = page.path("items");
    if (!items.isArray() || items.size() > most) {
      throw wrong(call, "no page of at most " + most + " items");
    }
    List<JsonNode> all = new ArrayList<>();
    for (JsonNode item : items) {
      if (!item.isObject()) {
        throw wrong(call, "an item that is no object");
      }
      all.add(item);
    }
    return all;
  }

  /** Where the next page begins; null if there is none. */
  static @Nullable String nextPage(JsonNode page) {
    String next = Shapes.text(page.path("next_page_id"));
    if (next.length() > MOST_PAGE_ID) {
      throw wrong("a search", "a page id of " + next.length() + " characters");
    }
    return next.isEmpty() ? null : next;
  }
}
