import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Runs one test several times, each with classes of its own, and says on standard output how each ended.
 *
 * Arguments: the kit (a class that runs a test), the test's class, method and number of parameters, milliseconds of
 * one run, bytes that it may print, how many of the first runs must pass for the next, then the class path of each
 * run. Where a run leaves threads, memory or its time behind, this process ends:
 * what is left is for another one.
 */
public final class KdrayRunner {
    private static final String[] SHARED = {"org.junit.", "junit.", "org.hamcrest.", "org.opentest4j.", "org.apiguardian.", "kdray."};
    private static final FileOutputStream TELL = new FileOutputStream(FileDescriptor.out);
    private static volatile long deadline = Long.MAX_VALUE;

    private KdrayRunner() {}

    @SuppressWarnings("unchecked")
    public static void main(String[] given) throws Exception {
        BiFunction<Class<?>, Method, Object> kit =
                (BiFunction<Class<?>, Method, Object>) Class.forName(given[0]).getDeclaredConstructor().newInstance();
        long millis = Long.parseLong(given[4]);
        Thread watch = new Thread(KdrayRunner::watch);
        watch.setDaemon(true);
        watch.start();
        for (int i = 7; i < given.length; i++) {
            System.setOut(new PrintStream(new Counted(Long.parseLong(given[5])), true, "UTF-8"));
            System.setErr(System.out);
            deadline = System.nanoTime() + millis * 1_000_000;
            int before = Thread.activeCount();
            Object said = run(kit, given, given[i]);
            deadline = Long.MAX_VALUE;
            tell(verdict(said), said instanceof Throwable ? said.getClass().getSimpleName() : "");
            boolean mustPass = i - 7 < Integer.parseInt(given[6]);
            if (mustPass && said != null || said instanceof OutOfMemoryError || Thread.activeCount() > before) {
                break;
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static Object run(BiFunction<Class<?>, Method, Object> kit, String[] given, String classPath) throws Exception {
        try (Apart loader = new Apart(classPath)) {
            Thread.currentThread().setContextClassLoader(loader);
            Class<?> type = Class.forName(given[1], false, loader);
            for (Class<?> kind = type; kind != null; kind = kind.getSuperclass()) {
                for (Method method : kind.getDeclaredMethods()) {
                    if (method.getName().equals(given[2]) && method.getParameterCount() == Integer.parseInt(given[3])) {
                        return kit.apply(type, method);
                    }
                }
            }
            return "absent";
        } catch (ClassNotFoundException missing) {
            return "absent";
        } catch (LinkageError | RuntimeException | OutOfMemoryError error) {
            return error;
        }
    }

    private static String verdict(Object said) {
        if (said == null) {
            return "passes";
        }
        if (said instanceof String) {
            return (String) said;
        }
        if (said instanceof OutOfMemoryError) {
            return "memory";
        }
        return said instanceof AssertionError ? "fails" : "raises";
    }

    private static synchronized void tell(String verdict, String error) {
        try {
            TELL.write(("\nkdray " + verdict + " " + error + "\n").getBytes(StandardCharsets.UTF_8));
            TELL.flush();
        } catch (IOException nobodyListens) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static void watch() {
        while (System.nanoTime() < deadline) {
            try {
                Thread.sleep(20);
            } catch (InterruptedException goOn) {
                continue;
            }
        }
        tell("time", "");
        Runtime.getRuntime().halt(1);
    }

    /** Counts what a test prints, and keeps nothing of it. */
    private static final class Counted extends OutputStream {
        private long left;

        Counted(long most) {
            left = most;
        }

        @Override
        public synchronized void write(int one) {
            count(1);
        }

        @Override
        public synchronized void write(byte[] some, int from, int length) {
            count(length);
        }

        private void count(int length) {
            left -= length;
            if (left < 0) {
                tell("output", "");
                Runtime.getRuntime().halt(1);
            }
        }
    }

    /** Loads the test and all that it tests anew; what runs tests is shared. */
    private static final class Apart extends URLClassLoader {
        Apart(String classPath) throws MalformedURLException {
            super(urls(classPath), KdrayRunner.class.getClassLoader());
        }

        private static URL[] urls(String classPath) throws MalformedURLException {
            List<URL> urls = new ArrayList<>();
            for (String each : classPath.split(File.pathSeparator)) {
                if (!each.isEmpty()) {
                    urls.add(new File(each).toURI().toURL());
                }
            }
            return urls.toArray(new URL[0]);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            for (String shared : SHARED) {
                if (name.startsWith(shared)) {
                    return super.loadClass(name, resolve);
                }
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> known = findLoadedClass(name);
                if (known != null) {
                    return known;
                }
                try {
                    return name.startsWith("java.") ? super.loadClass(name, resolve) : findClass(name);
                } catch (ClassNotFoundException elsewhere) {
                    return super.loadClass(name, resolve);
                }
            }
        }
    }
}
