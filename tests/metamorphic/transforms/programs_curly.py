"""Own Java methods and C functions in which each transformation has something to do.

Each is called `program`, takes one int and returns an int (C) or a String (Java).
"""

from __future__ import annotations

JAVA = {
    "loops": """static String program(int seed) {
    int total = seed;
    long sum = 0L;
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < 5; i++) {
        total += i;
        if (total > 7) {
            total = total * 2;
        } else if (total == 3) {
            total--;
        } else {
            ++total;
        }
    }
    for (int i = 0, j = 9; i < j; i++, j--) sum += i * j;
    for (; total > 100; total -= 50) out.append(total);
    while (sum > 40) {
        sum = sum - 7;
        if (sum == 3) break;
    }
    for (String part : new String[] {"a", "b"}) {
        if (part.equals("b")) continue;
        out.append(part).append(Math.max(total, 12));
    }
    for (int k = 0; k < 4; k++) {
        if (k == 2) continue;
        out.append(k);
    }
    outer:
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            if (b == 1) continue outer;
            out.append(a + b);
        }
    }
    return out + ":" + total + ":" + sum;
}
""",
    "choices": """private static String program(final int seed) {
    int first = 3;
    int second = 4;
    String label = "x";
    byte small = 3;
    small += 2;
    double ratio = 1.5;
    ratio *= first;
    int pick;
    pick = first < second ? 1 : 2;
    switch (seed) {
        case 1:
        case 2:
            label = label + "low";
            break;
        case 3:
            label += pick;
            break;
        default:
            label = "high";
    }
    if (seed == 0) {
        pick = 10;
    } else {
        pick = 20;
    }
    if (first > second && seed != second) {
        second = second + 1;
    } else {
        if (seed > 1) {
            first = first - 1;
        }
    }
    Object thing = label;
    int size = 0;
    if (thing instanceof String text) {
        size = text.length();
    } else {
        size = -1;
    }
    try {
        Object[] none = new Object[size - 100];
        size = none.length;
    } catch (NegativeArraySizeException error) {
        label += error.getClass().getSimpleName();
    } finally {
        size++;
    }
    return label + pick + first + second + size + small + ratio;
}
""",
    "helpers": """static String program(int count) {
    int size = 2;
    java.util.List<Integer> seen = new java.util.ArrayList<>();
    java.util.function.Function<Integer, Integer> twice = v -> v * 2;
    Object counter = new Object() {
        int size = 5;
        public String toString() { return "c" + size; }
    };
    for (int i = 0; i < count; ++i) {
        int value = twice.apply(i);
        seen.add(value);
    }
    { int size2 = 7; seen.add(size2); }
    if (count > 0) return seen + "" + counter + size + program(count - 1);
    int a = 1;
    int b = 2;
    return count + 1 < b ? "less" : "more";
}
""",
}

C = {
    "loops": """static int program(int seed)
{
    int total = seed;
    long sum = 0;
    int values[4] = {1, 2, 3, 4};
    for (int i = 0; i < 4; i++) {
        total += values[i];
        if (total > 7)
            total = total * 2;
        else if (total == 3)
            total--;
        else
            ++total;
    }
    for (int i = 0, j = 9; i < j; i++, j--) sum += i * j;
    while (sum > 40) {
        sum = sum - 7;
        if (sum == 3) break;
    }
    int k;
    for (k = 0; k < 4; k++) {
        if (k == 2) continue;
        total = total + k;
    }
    do { total += 2; } while (total < 50);
    return total * 100 + (int) sum + k;
}
""",
    "choices": """int program(int seed)
{
    int first = 3;
    int second = 4;
    char small = 120;
    small += 20;
    unsigned int wide = 5u;
    int pick;
    pick = first < second ? 1 : 2;
    switch (seed) {
    case 1:
    case 2:
        first += pick;
        break;
    case 3:
        second = second - 1;
        break;
    default:
        second = 9;
    }
    if (seed == 0) {
        pick = 10;
    } else {
        pick = 20;
    }
    if (first > second && seed != second) {
        second = second + 1;
    } else {
        if (seed > 1) {
            first = first - 1;
        }
    }
    if (seed > 3)
        goto out;
    pick = pick + abs(-7);
out:
    return first * 1000 + second * 100 + pick + small + (wide > -1);
}
""",
    "helpers": """int program(int count)
{
    int size = sizeof(int) == 4 ? 1 : 2;
    int *cursor = &size;
    struct point { int size; } where = { .size = 3 };
    *cursor = *cursor + 1;
    int a = 1;
    int b = 2;
    where.size += a;
#ifdef UNKNOWN_THING
    size = 100;
#endif
    { int size = 9; b += size; }
    if (count > 0) return program(count - 1) + size;
    return where.size * 10 + b + CHECKED(size);
}
""",
}
