import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/**
 * Compiles sources that are in memory, one request a line on standard input, one answer a line on standard output.
 *
 * A line holds fields in base 64, with blanks between. Requests: `parse STATEMENTS`, and `compile NAME SOURCE OUT
 * CLASSPATH SOURCEPATH`. An answer is the code and the message of the first error, two empty fields where there is none.
 */
public final class KdrayCompiler {
    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();
    private static final List<String> OPTIONS = List.of("-proc:none", "-nowarn", "-Xlint:none", "-encoding", "UTF-8");
    private static final StandardJavaFileManager FILES =
            COMPILER.getStandardFileManager(null, Locale.ENGLISH, StandardCharsets.UTF_8);

    private KdrayCompiler() {}

    public static void main(String[] none) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] fields = line.split(" ", -1);
            for (int i = 0; i < fields.length; i++) {
                fields[i] = new String(Base64.getDecoder().decode(fields[i]), StandardCharsets.UTF_8);
            }
            String[] error;
            try {
                error = fields[0].equals("parse") ? parse(fields[1]) : compile(fields);
            } catch (StackOverflowError | RuntimeException | IOException tooMuch) {
                error = new String[] {"kdray.too.much", "the compiler ends by " + tooMuch.getClass().getSimpleName()};
            }
            System.out.println(encoded(error[0]) + " " + encoded(error[1]));
            System.out.flush();
        }
    }

    private static String encoded(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Whether a text is statements that can stand in a method, and nothing that ends it. */
    private static String[] parse(String statements) throws IOException {
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        JavaFileObject source = new Source("Kdray", "class Kdray { void kdray() {" + statements + "\n} }");
        JavacTask task = (JavacTask) COMPILER.getTask(null, FILES, found, OPTIONS, null, List.of(source));
        for (CompilationUnitTree unit : task.parse()) {
            String[] error = firstError(found);
            boolean isOne = unit.getTypeDecls().size() == 1 && unit.getTypeDecls().get(0) instanceof ClassTree;
            List<?> members = isOne ? ((ClassTree) unit.getTypeDecls().get(0)).getMembers() : List.of();
            if (!error[0].isEmpty() || members.size() != 1 || !(members.get(0) instanceof MethodTree)) {
                return error[0].isEmpty() ? new String[] {"kdray.leaves", "it ends the method"} : error;
            }
            boolean isEmpty = ((MethodTree) members.get(0)).getBody().getStatements().isEmpty();
            return isEmpty && !statements.isBlank() ? new String[] {"kdray.nothing", "it says nothing"} : error;
        }
        return firstError(found);
    }

    private static String[] compile(String[] fields) throws IOException {
        FILES.setLocation(StandardLocation.CLASS_OUTPUT, List.of(new File(fields[3])));
        FILES.setLocation(StandardLocation.CLASS_PATH, files(fields[4]));
        // Never unset: without one javac looks for sources among the classes.
        FILES.setLocation(StandardLocation.SOURCE_PATH, files(fields[5]));
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        JavaFileObject source = new Source(fields[1], fields[2]);
        boolean isMade = COMPILER.getTask(null, new NoModules(), found, OPTIONS, null, List.of(source)).call();
        String[] error = firstError(found);
        return isMade || !error[0].isEmpty() ? error : new String[] {"kdray.unsaid", "the compiler does not say why"};
    }

    private static List<File> files(String path) {
        List<File> files = new ArrayList<>();
        for (String each : path.split(File.pathSeparator)) {
            if (!each.isEmpty()) {
                files.add(new File(each));
            }
        }
        return files;
    }

    private static String[] firstError(DiagnosticCollector<JavaFileObject> found) {
        for (Diagnostic<? extends JavaFileObject> each : found.getDiagnostics()) {
            if (each.getKind() == Diagnostic.Kind.ERROR) {
                return new String[] {each.getCode(), each.getMessage(Locale.ENGLISH)};
            }
        }
        return new String[] {"", ""};
    }

    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("memory:///" + name + ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    /** The sources of a module, as if they were of none: its jars are on the class path. */
    private static final class NoModules extends ForwardingJavaFileManager<StandardJavaFileManager> {
        NoModules() {
            super(FILES);
        }

        @Override
        public Iterable<JavaFileObject> list(
                Location location, String name, Set<JavaFileObject.Kind> kinds, boolean recurse) throws IOException {
            List<JavaFileObject> kept = new ArrayList<>();
            for (JavaFileObject each : super.list(location, name, kinds, recurse)) {
                if (location != StandardLocation.SOURCE_PATH || !each.isNameCompatible("module-info", each.getKind())) {
                    kept.add(each);
                }
            }
            return kept;
        }

        @Override
        public JavaFileObject getJavaFileForInput(Location location, String name, JavaFileObject.Kind kind)
                throws IOException {
            boolean isHidden = location == StandardLocation.SOURCE_PATH && name.equals("module-info");
            return isHidden ? null : super.getJavaFileForInput(location, name, kind);
        }

        @Override
        public void close() {}
    }
}
